//! Deciding which members are masked.

use alloc::borrow::Cow;
use core::ops::Range;

use super::report::mask_string;
use super::{Expected, Frame, Scan};
use crate::redact::facts::{Command, Kind, Scope, Verdict};
use crate::redact::line::is_harmless;
use crate::redact::marks::{Mark, State};
use crate::redact::names::{self, Fact, Meaning, Member, meaning};
use crate::redact::strings::unescape;
use crate::redact::text::may_hold_secret;

impl<'t> Scan<'t> {
    pub(super) fn name(&mut self, range: &Range<usize>, escaped: bool) {
        let name = self.inside_quotes(range, true, escaped);
        let meaning = meaning(&name);
        if let Some(frame) = self.frames.last_mut() {
            frame.meaning = meaning;
        }
        if self.frames.len() == 1 {
            match meaning {
                Meaning::Determines(Fact::Execute) => {
                    self.facts.kind = Kind::Command(Command::Other)
                }
                Meaning::Determines(Fact::Return | Fact::Error | Fact::Event | Fact::Greeting)
                    if self.facts.kind == Kind::Unknown && !self.is_command =>
                {
                    self.facts.kind = Kind::FromServer;
                }
                _ => {}
            }
            self.is_answer |= matches!(meaning, Meaning::Determines(Fact::Return | Fact::Error));
        }
        self.expected = Expected::Colon;
    }

    /// Marks the value that starts at `range` if it is masked or may have to be. Returns `None` if
    /// it is shown.
    pub(super) fn begin_value(&mut self, range: &Range<usize>, is_scalar: bool) -> Option<usize> {
        let depth = self.frames.len();
        let frame = self.frames.last_mut()?;
        let meaning = match frame.object {
            true => frame.meaning,
            false => return None,
        };
        let scope = match meaning {
            Meaning::Nothing => return None,
            Meaning::Determines(Fact::Return) if depth == 1 && self.hides_answer => Scope::Nowhere,
            Meaning::Determines(_) => return None,
            Meaning::SecretText if is_scalar => return None,
            Meaning::Secret | Meaning::SecretText => Scope::Anywhere,
            Meaning::Content => Scope::Nowhere,
            Meaning::CommandLine | Meaning::MonitorLine => Scope::Answer,
            Meaning::Depends(member) => {
                // The `data` of an event is not a secret.
                if depth == 1 && member == Member::Data && self.facts.kind == Kind::FromServer {
                    return None;
                }
                match self.facts.judge(member, false) {
                    Verdict::Show => return None,
                    Verdict::Hide(scope) => scope,
                    Verdict::Later => {
                        let mark = self.marks.len();
                        self.marks.push(Mark::new(range, State::Undecided(member)));
                        if member == Member::Value {
                            frame.value = Some(mark);
                        }
                        return Some(mark);
                    }
                }
            }
        };
        self.marks.push(Mark::new(range, State::Hidden(scope)));
        Some(self.marks.len() - 1)
    }

    pub(super) fn scalar(&mut self, range: &Range<usize>) {
        self.note(range, None);
        self.begin_value(range, true);
    }

    pub(super) fn string(&mut self, range: &Range<usize>, closed: bool, escaped: bool) {
        let text = self.inside_quotes(range, closed, escaped);
        self.note(range, closed.then_some(&text));
        if self.is_harmless_line(&text) || self.begin_value(range, false).is_none() {
            self.mask_inside(range, &text, closed, escaped);
        }
    }

    /// Masks the secrets within a string that is shown.
    fn mask_inside(&mut self, range: &Range<usize>, text: &[u8], closed: bool, escaped: bool) {
        if !closed && (self.facts.kind != Kind::FromServer || may_hold_secret(text)) {
            // A URL that is cut off is not recognised.
            self.marks.push(Mark::new(range, State::Hidden(Scope::Anywhere)));
            return;
        }
        let masked = mask_string(text, self.level, &mut |_, _| {});
        let repeated = self.known.mask(masked.as_deref().unwrap_or(text), escaped);
        if let Some(masked) = repeated.or(masked) {
            self.marks.push(Mark::new(range, State::Replaced(masked.into())));
        }
    }

    fn is_harmless_line(&self, text: &[u8]) -> bool {
        let meaning = self.frames.last().map(|frame| frame.meaning);
        meaning == Some(Meaning::MonitorLine) && is_harmless(text)
    }

    /// Records the facts that a value determines.
    fn note(&mut self, range: &Range<usize>, text: Option<&[u8]>) {
        let depth = self.frames.len();
        let Some(frame) = self.frames.last_mut().filter(|frame| frame.object) else {
            return;
        };
        let fact = match frame.meaning {
            Meaning::Determines(fact) => fact,
            Meaning::Depends(Member::Key) => Fact::Property,
            _ => return,
        };
        match fact {
            Fact::Execute if depth == 1 => {
                let command = text.map_or(Command::Other, Command::named);
                self.facts.kind = Kind::Command(command);
            }
            Fact::Id if depth == 1 => self.id = Some(range.clone()),
            Fact::QomType => {
                let secret = text.is_none_or(|text| text.starts_with(b"secret"));
                self.facts.makes_secret = Some(secret || self.facts.makes_secret == Some(true));
            }
            Fact::Device => self.facts.is_display = Some(text.is_none_or(|text| text == b"vnc")),
            // Most names are examined only when a `value` depends on them.
            Fact::Property => match (text, self.facts.kind) {
                (Some(_), Kind::FromServer) if frame.property.is_none() => {
                    frame.property = Some(range.clone());
                }
                (text, _) => {
                    let secret = text.is_none_or(is_secret_property);
                    frame.names_secret = Some(secret || frame.names_secret == Some(true));
                    self.facts.names_secret |= secret;
                }
            },
            _ => {}
        }
    }

    /// Decides whether the `value` in an object is masked, by the name of its property.
    pub(super) fn decide_value(&mut self, frame: &Frame) {
        let Some(value) = frame.value else {
            return;
        };
        let named = frame.property.as_ref();
        let named =
            named.map(|property| is_secret_property(&self.inside_quotes(property, true, true)));
        let secret = match (named, frame.names_secret) {
            (None, None) => return,
            (one, other) => one == Some(true) || other == Some(true),
        };
        if let Some(mark) = self.marks.get_mut(value) {
            mark.state = if secret { State::Hidden(Scope::Anywhere) } else { State::Shown };
        }
    }

    fn inside_quotes(&self, range: &Range<usize>, closed: bool, escaped: bool) -> Cow<'t, [u8]> {
        let end = if closed { range.end.saturating_sub(1) } else { range.end };
        let inside = self.text.get(range.start + 1..end).unwrap_or_default();
        if escaped { unescape(inside) } else { Cow::Borrowed(inside) }
    }
}

fn is_secret_property(name: &[u8]) -> bool {
    names::is_secret(name) || name.eq_ignore_ascii_case(b"data")
}

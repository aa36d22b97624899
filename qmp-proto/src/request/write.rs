//! Writing messages, with few bytes because QEMU reads each byte of a monitor with one system call.

use crate::output::{self, OutputBuffer};
use crate::request::{Arguments, RawMessage, Request, SendErrorKind};

/// The longest message. QEMU reads less than 64 MiB of tokens as one message.
const LONGEST: usize = 64 * 1024 * 1024 - 1;
const LONGEST_NAME: usize = 255;

/// The id of a message, its form on the wire, and the end of the message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) id: u64,
    pub(crate) string: bool,
    pub(crate) line_end: bool,
}

pub(crate) fn write_request<F, S: OutputBuffer>(
    out: &mut S,
    request: &Request<'_, F>,
    identity: Identity,
) -> Result<(), SendErrorKind> {
    if !is_command_name(request.name) {
        return Err(SendErrorKind::InvalidName);
    }
    whole(out, |out| {
        out.append(if request.out_of_band { b"{\"exec-oob\":\"" } else { b"{\"execute\":\"" })?;
        out.append(request.name.as_bytes())?;
        out.append(b"\"")?;
        if let Some(arguments) = request.arguments.map(Arguments::as_str).filter(|it| *it != "{}") {
            out.append(b",\"arguments\":")?;
            out.append(arguments.as_bytes())?;
        }
        write_end(out, identity)
    })
}

/// Writes a raw message with the id replaced.
pub(crate) fn write_raw<S: OutputBuffer>(
    out: &mut S,
    message: &RawMessage<'_>,
    identity: Identity,
) -> Result<(), SendErrorKind> {
    whole(out, |out| {
        let (before, after) = message.around_id();
        out.append(b"{")?;
        out.append(before)?;
        if !before.is_empty() && !after.is_empty() {
            out.append(b",")?;
        }
        out.append(after)?;
        if before.is_empty() && after.is_empty() {
            return append_id(out, b"\"id\":", identity);
        }
        write_end(out, identity)
    })
}

pub(crate) fn write_negotiation<S: OutputBuffer>(
    out: &mut S,
    enable: &[&str],
    identity: Identity,
) -> Result<(), SendErrorKind> {
    if !enable.iter().all(|name| is_command_name(name)) {
        return Err(SendErrorKind::InvalidName);
    }
    whole(out, |out| {
        out.append(b"{\"execute\":\"qmp_capabilities\"")?;
        for (at, name) in enable.iter().enumerate() {
            out.append(if at == 0 { b",\"arguments\":{\"enable\":[\"" } else { b",\"" })?;
            out.append(name.as_bytes())?;
            out.append(b"\"")?;
        }
        if !enable.is_empty() {
            out.append(b"]}")?;
        }
        write_end(out, identity)
    })
}

/// Writes a sync. The agent's parser keeps its state between clients, so a sentinel discards what
/// the last one left.
pub(crate) fn write_sync<S: OutputBuffer>(out: &mut S, number: u64) -> Result<(), SendErrorKind> {
    whole(out, |out| {
        out.append(b"\xFF{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":")?;
        let mut room = [0; 20];
        let mut digits = Backwards { unused: room.len(), room: &mut room };
        digits.put_number(number);
        let unused = digits.unused;
        out.append(room.get(unused..).unwrap_or_default())?;
        out.append(b"}")?;
        write_end(out, Identity { id: number, string: false, line_end: true })
    })
}

/// Appends a message as a whole or not at all, and checks the length limit.
fn whole<S: OutputBuffer>(
    out: &mut S,
    write: impl FnOnce(&mut S) -> Result<(), SendErrorKind>,
) -> Result<(), SendErrorKind> {
    output::whole(out, |out| {
        let start = out.length();
        write(out)?;
        if out.length() - start > LONGEST { Err(SendErrorKind::TooLong) } else { Ok(()) }
    })
}

fn write_end<S: OutputBuffer>(out: &mut S, identity: Identity) -> Result<(), SendErrorKind> {
    append_id(out, b",\"id\":", identity)
}

/// Appends `before`, the id, and the end of the message. They are assembled from the end, for a
/// single call of the buffer.
fn append_id<S: OutputBuffer>(
    out: &mut S,
    before: &[u8],
    identity: Identity,
) -> Result<(), SendErrorKind> {
    let mut room = [0; LONGEST_END];
    let mut end = Backwards { unused: room.len(), room: &mut room };
    if identity.line_end {
        end.put(b'\n');
    }
    end.put(b'}');
    if identity.string {
        end.put(b'"');
    }
    end.put_number(identity.id);
    if identity.string {
        end.put(b'"');
    }
    before.iter().rev().for_each(|byte| end.put(*byte));
    let unused = end.unused;
    out.append(room.get(unused..).unwrap_or_default())?;
    Ok(())
}

/// The length of `,"id":`, twenty digits in quotes, a brace and a line end.
const LONGEST_END: usize = 6 + 22 + 2;

struct Backwards<'a> {
    room: &'a mut [u8],
    unused: usize,
}

impl Backwards<'_> {
    fn put(&mut self, byte: u8) {
        self.unused = self.unused.saturating_sub(1);
        if let Some(place) = self.room.get_mut(self.unused) {
            *place = byte;
        }
    }

    fn put_number(&mut self, mut number: u64) {
        loop {
            self.put(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }
}

fn is_command_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| NAME_BYTES[usize::from(byte)])
}

/// The bytes that names consist of.
const NAME_BYTES: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let letter = byte as u8;
        bytes[byte] = letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
        byte += 1;
    }
    bytes
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonErrorKind;
    use crate::output::FixedOutput;

    /// Only counts bytes.
    struct Length(usize);

    impl OutputBuffer for Length {
        type Descriptor = output::NoDescriptor;

        fn length(&self) -> usize {
            self.0
        }

        fn append(&mut self, bytes: &[u8]) -> Result<(), output::BufferFull> {
            self.0 += bytes.len();
            Ok(())
        }

        fn truncate(&mut self, length: usize) {
            self.0 = length;
        }

        fn attach(&mut self, _: usize, descriptor: output::NoDescriptor) {
            match descriptor {}
        }
    }

    #[test]
    fn the_length_limit_applies_to_each_message_by_itself() {
        for before in [0, 7, LONGEST, 3 * LONGEST] {
            let mut out = Length(before);
            let mut written = |length| {
                let result = whole(&mut out, |out| {
                    out.0 += length;
                    Ok(())
                });
                (result, out.0 - before)
            };
            assert_eq!(written(LONGEST + 1), (Err(SendErrorKind::TooLong), 0));
            assert_eq!(written(2 * LONGEST), (Err(SendErrorKind::TooLong), 0));
            assert_eq!(written(LONGEST), (Ok(()), LONGEST));
        }
    }

    const PLAIN: Identity = Identity { id: 7, string: false, line_end: false };

    fn written(
        write: impl FnOnce(&mut FixedOutput<'_>) -> Result<(), SendErrorKind>,
    ) -> std::string::String {
        let mut memory = [0; 256];
        let mut out = FixedOutput::new(&mut memory);
        write(&mut out).unwrap();
        std::string::String::from_utf8_lossy(out.bytes()).into_owned()
    }

    #[test]
    fn a_command_takes_the_fewest_bytes() {
        let stop: Request<'_> = Request::new("stop");
        assert_eq!(written(|out| write_request(out, &stop, PLAIN)), r#"{"execute":"stop","id":7}"#);
        let empty: Request<'_> = Request::new("stop").arguments(Arguments::parse("{}").unwrap());
        assert_eq!(
            written(|out| write_request(out, &empty, PLAIN)),
            r#"{"execute":"stop","id":7}"#
        );
        let arguments = Arguments::parse(r#"{"a":1}"#).unwrap();
        let full: Request<'_> = Request::new("x").arguments(arguments).out_of_band();
        let identity = Identity { id: u64::MAX, string: true, line_end: true };
        assert_eq!(
            written(|out| write_request(out, &full, identity)),
            "{\"exec-oob\":\"x\",\"arguments\":{\"a\":1},\"id\":\"18446744073709551615\"}\n"
        );
    }

    #[test]
    fn negotiations_and_syncs_are_written() {
        assert_eq!(
            written(|out| write_negotiation(out, &[], PLAIN)),
            r#"{"execute":"qmp_capabilities","id":7}"#
        );
        assert_eq!(
            written(|out| write_negotiation(out, &["oob", "x"], PLAIN)),
            r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob","x"]},"id":7}"#
        );
        let mut memory = [0; 128];
        let mut out = FixedOutput::new(&mut memory);
        write_sync(&mut out, 9).unwrap();
        assert_eq!(
            out.bytes(),
            b"\xFF{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":9},\"id\":9}\n"
        );
    }

    #[test]
    fn invalid_names_are_refused() {
        for name in ["", "a b", "a\"", "ä", "x\n", &"x".repeat(256)] {
            let request: Request<'_> = Request::new(name);
            let refused = write_request(&mut FixedOutput::new(&mut [0; 999]), &request, PLAIN);
            assert_eq!(refused, Err(SendErrorKind::InvalidName), "{name:?}");
        }
    }

    #[test]
    fn a_message_that_does_not_fit_leaves_the_buffer_unchanged() {
        let request: Request<'_> = Request::new("query-status");
        let whole = written(|out| write_request(out, &request, PLAIN)).len();
        for room in 0..whole {
            let mut memory = [0; 64];
            let mut out = FixedOutput::new(&mut memory[..room]);
            assert_eq!(write_request(&mut out, &request, PLAIN), Err(SendErrorKind::BufferFull));
            assert_eq!(out.bytes(), b"");
        }
    }

    #[test]
    fn the_id_of_a_raw_message_is_replaced() {
        for (raw, sent) in [
            (r#"{"execute":"a"}"#, r#"{"execute":"a","id":7}"#),
            (r#" {"execute":"a", "id": {"x": [1]}} "#, r#"{"execute":"a","id":7}"#),
            (r#"{"id": null, "execute":"a"}"#, r#"{"execute":"a","id":7}"#),
            (r#"{"x":1,"id":"7","y":2}"#, r#"{"x":1,"y":2,"id":7}"#),
            (r#"{"id":1}"#, r#"{"id":7}"#),
            (r#"{}"#, r#"{"id":7}"#),
        ] {
            let message = RawMessage::parse(raw).unwrap();
            assert_eq!(written(|out| write_raw(out, &message, PLAIN)), sent);
        }
        let kind = |text| RawMessage::parse(text).unwrap_err().kind();
        assert_eq!(kind("{} {}"), JsonErrorKind::Trailing);
        assert_eq!(kind("[]"), JsonErrorKind::NotAnObject);
    }
}

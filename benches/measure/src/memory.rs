//! Memory of this process.

use std::fs;

use crate::Failure;

/// Returns the resident bytes that are not shared with files.
pub fn resident() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: f64 = kilobytes.ok_or("/proc/self/status has no RssAnon")?.parse()?;
    Ok(kilobytes * 1024.0)
}

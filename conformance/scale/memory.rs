//! How much memory the process takes.

use std::alloc::System;
use std::{fmt, fs};

use cap::Cap;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes, all together or for each connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// What was asked for, to the byte.
    pub(super) heap: usize,
    /// What the system has given, where it tells.
    pub(super) resident: Option<usize>,
}

impl Memory {
    pub(super) fn now() -> Self {
        Self { heap: HEAP.allocated(), resident: resident() }
    }

    pub(super) fn since(self, before: &Self) -> Self {
        let resident = self.resident.zip(before.resident);
        Self {
            heap: self.heap.saturating_sub(before.heap),
            resident: resident.map(|(now, before)| now.saturating_sub(before)),
        }
    }

    pub(super) fn each(self, count: usize) -> Self {
        Self { heap: self.heap / count, resident: self.resident.map(|bytes| bytes / count) }
    }
}

/// On Linux.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1024 * line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?)
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of heap", self.heap)?;
        match self.resident {
            Some(resident) => write!(f, " ({resident} resident)"),
            None => Ok(()),
        }
    }
}

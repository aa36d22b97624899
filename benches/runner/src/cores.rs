//! Assigns cores to a client and its server.
//!
//! On separate cores, a process that waits sleeps, and waking it takes longer than anything that a
//! client does: the same for all, counted for each, and on a virtual machine different from moment
//! to moment. On one core with its server a client is woken by a context switch, so what remains is
//! its own work. That is the steadiest figure, and the hardest one relative to a floor; the other
//! figure shows an otherwise idle machine.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Client and server share one core: for single-threaded clients.
    One,
    /// The system assigns the cores.
    All,
}

/// The available cores.
#[derive(Debug)]
pub(crate) struct Available(CpuSet);

impl Available {
    pub(crate) fn look() -> Result<Self> {
        sched_getaffinity(None).map(Self).context("which cores there are is not to be known")
    }

    /// Applies to all processes started from now on.
    pub(crate) fn give(&self, cores: Cores) -> Result<()> {
        let set = match cores {
            Cores::All => self.0,
            Cores::One => {
                let mut one = CpuSet::new();
                // The first core also serves interrupts.
                let last = (0..CpuSet::MAX_CPU).rev().find(|core| self.0.is_set(*core));
                one.set(last.unwrap_or_default());
                one
            }
        };
        sched_setaffinity(None, &set).context("the cores cannot be chosen")
    }
}

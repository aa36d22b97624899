//! Which cores a client and its server have.
//!
//! On a core of its own, one that waits goes to sleep, and to wake it takes longer than anything that
//! any client does: the same for all, charged to each, and on a virtual machine different from
//! moment to moment. On one core with its server a client is woken by a switch between the two, so
//! what remains is what it does itself. That is the steadiest figure, and the hardest one beside a
//! floor; how it is on a machine with nothing else to do, the other one shows.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Client and server share one: for clients of one thread.
    One,
    /// They are where the system puts them.
    All,
}

/// What there is to be had.
#[derive(Debug)]
pub(crate) struct Available(CpuSet);

impl Available {
    pub(crate) fn look() -> Result<Self> {
        sched_getaffinity(None).map(Self).context("which cores there are is not to be known")
    }

    /// From now on, for whatever is started.
    pub(crate) fn give(&self, cores: Cores) -> Result<()> {
        let set = match cores {
            Cores::All => self.0,
            Cores::One => {
                let mut one = CpuSet::new();
                // The first one has interrupts to serve.
                let last = (0..CpuSet::MAX_CPU).rev().find(|core| self.0.is_set(*core));
                one.set(last.unwrap_or_default());
                one
            }
        };
        sched_setaffinity(None, &set).context("the cores cannot be chosen")
    }
}

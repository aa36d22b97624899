//! Time on the wall, and of the processor.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::Report;

/// Started once everything is warm.
#[derive(Debug)]
pub struct Clock {
    wall: Instant,
    processor: u64,
}

impl Clock {
    pub fn start() -> Self {
        Self { wall: Instant::now(), processor: processor() }
    }

    /// What one of so many operations took.
    pub fn stop(self, operations: usize) -> Report {
        let wall = self.wall.elapsed().as_nanos() as f64;
        let processor = (processor() - self.processor) as f64;
        let operations = operations.max(1) as f64;
        Report::default()
            .with("operations", operations)
            .with("wall_ns", wall / operations)
            .with("cpu_ns", processor / operations)
    }
}

/// What all threads of this process used so far, their system calls included, in nanoseconds.
fn processor() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

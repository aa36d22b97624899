//! Wall time and CPU time.

use std::time::Instant;

use cpu_time::ProcessTime;

use crate::Report;

/// Started after warming up.
#[derive(Debug)]
pub struct Clock {
    wall: Instant,
    /// CPU time of all threads of this process, including system calls.
    processor: ProcessTime,
}

impl Clock {
    pub fn start() -> Self {
        Self { wall: Instant::now(), processor: ProcessTime::now() }
    }

    /// Returns the time per operation for this number of operations.
    pub fn stop(self, operations: usize) -> Report {
        let wall = self.wall.elapsed().as_nanos() as f64;
        let processor = self.processor.elapsed().as_nanos() as f64;
        let operations = operations.max(1) as f64;
        Report::default()
            .with("operations", operations)
            .with("wall_ns", wall / operations)
            .with("cpu_ns", processor / operations)
    }
}

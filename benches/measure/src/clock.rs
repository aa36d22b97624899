//! Time on the wall, and of the processor.

use std::time::Instant;

use cpu_time::ProcessTime;

use crate::Report;

/// Started once everything is warm.
#[derive(Debug)]
pub struct Clock {
    wall: Instant,
    /// All threads of this process, their system calls included.
    processor: ProcessTime,
}

impl Clock {
    pub fn start() -> Self {
        Self { wall: Instant::now(), processor: ProcessTime::now() }
    }

    /// What one of so many operations took.
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

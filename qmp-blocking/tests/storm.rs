//! Threads with clients of their own, and random commands, timeouts, aborts and reconnections, in a process of
//! their own.
//!
//! With `QMP_TEST_STORM=300000` and `--nocapture`, it takes longer and reports what happened.

#![cfg(target_os = "linux")]

#[test]
fn a_storm_of_threads() {
    conformance::scenarios::storm_of_threads();
}

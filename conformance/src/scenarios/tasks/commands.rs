//! Commands of many tasks.

use super::{Shared, compute, join_all, poll_and_drop};
use crate::Target;

/// A dropped command gives its turn to the next one, and its reply to no other.
pub async fn dropped_commands_do_not_affect_others<A: Shared>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    let rounds = (0..400_usize).map(|number| {
        let qemu = qemu.clone();
        async move {
            for round in 0..5 {
                let number = number * 10 + round;
                match number % 3 {
                    0 => compute(&qemu, number).await.unwrap(),
                    _ => {
                        let done = poll_and_drop(compute(&qemu, number), number % 7).await;
                        done.unwrap_or(Ok(())).unwrap();
                    }
                }
            }
        }
    });
    join_all(rounds).await;
    let results = join_all((0..100).map(|number| compute(&qemu, number))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(qemu.in_flight(), 0, "{qemu:?}");
    assert!(format!("{qemu:?}").contains("waiting: 0"), "{qemu:?}");
}

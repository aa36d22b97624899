//! Limits a folder to one process at a time.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

/// Held until it is dropped or the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

/// Locks `dir`, which is created if it does not exist, and waits for another holder.
pub(crate) fn lock(dir: &Path) -> Result<Lock> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let path = dir.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    // Programs started meanwhile inherit the file, so one that outlives a killed chore, such as
    // apt-get, still holds the lock.
    fcntl_setfd(&file, FdFlags::empty())?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            eprintln!("waiting for another process that uses {}", dir.display());
            flock(&file, FlockOperation::LockExclusive)
        }
        outcome => outcome,
    }
    .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(Lock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn only_one_holder_at_a_time() {
        let dir = std::env::temp_dir().join(format!("xtask-lock-{}", std::process::id()));
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _lock = lock(&dir).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        fs::remove_dir_all(dir).unwrap();
    }
}

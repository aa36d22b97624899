//! What a program writes to its standard error.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

/// How much is shown of it.
const MOST_LINES: usize = 64;
const MOST_BYTES: u64 = 16 << 10;

/// A file without a name: writing to it never waits for us, as it would with a pipe.
#[derive(Debug)]
pub(super) struct Diagnostics(File);

impl Diagnostics {
    #[cfg(target_os = "linux")]
    pub(super) fn new() -> io::Result<Self> {
        use rustix::fs::{MemfdFlags, memfd_create};
        use rustix::io::Errno;

        let create = |flags| memfd_create("stderr", flags | MemfdFlags::CLOEXEC);
        let file = match create(MemfdFlags::NOEXEC_SEAL) {
            // Linux before 6.3 does not know the flag; a later one may insist on it.
            Err(Errno::INVAL) => create(MemfdFlags::empty())?,
            created => created?,
        };
        Ok(Self(file.into()))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn new() -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;

        let path = std::env::temp_dir().join(format!("qmp-stderr-{:016x}", crate::nonce()));
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        std::fs::remove_file(path)?;
        Ok(Self(file))
    }

    /// For the program. Its end and ours share one position, which reading leaves alone.
    pub(super) fn writer(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }

    /// The last whole lines.
    pub(super) fn tail(&self) -> io::Result<String> {
        let length = self.0.metadata()?.len();
        let start = length.saturating_sub(MOST_BYTES);
        let mut bytes = vec![0; usize::try_from(length - start).unwrap_or(0)];
        self.0.read_exact_at(&mut bytes, start)?;
        let text = String::from_utf8_lossy(&bytes);
        let whole = match text.split_once('\n') {
            Some((_partial, whole)) if start > 0 && !whole.is_empty() => whole,
            _ => &text,
        };
        let whole = whole.trim_end();
        let beginnings = whole.rmatch_indices('\n').map(|(end, _)| end + 1);
        let first = beginnings.take(MOST_LINES).nth(MOST_LINES - 1).unwrap_or(0);
        Ok(whole[first..].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn tail_of(text: &str) -> String {
        let diagnostics = Diagnostics::new().unwrap();
        (&diagnostics.0).write_all(text.as_bytes()).unwrap();
        diagnostics.tail().unwrap()
    }

    #[test]
    fn little_is_shown_whole_and_without_its_last_line_end() {
        assert_eq!(tail_of(""), "");
        assert_eq!(tail_of("one"), "one");
        assert_eq!(tail_of("one\n\n  two\r\n\n"), "one\n\n  two");
    }

    #[test]
    fn of_much_the_last_lines_are_shown() {
        let lines: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(tail_of(&lines.join("\n")), lines[36..].join("\n"));
        assert_eq!(tail_of(&lines[36..].join("\n")), lines[36..].join("\n"));
        assert_eq!(tail_of(&lines[35..].join("\n")), lines[36..].join("\n"));
    }

    #[test]
    fn of_long_lines_the_last_whole_ones_are_shown() {
        let long = "x".repeat(10 << 10);
        assert_eq!(tail_of(&format!("{long}\n{long}\nend\n")), format!("{long}\nend"));
        let one = "y".repeat(20 << 10);
        assert_eq!(tail_of(&one), one[4 << 10..]);
        assert_eq!(tail_of(&format!("{one}\n")), one[(4 << 10) + 1..]);
    }

    #[test]
    fn looking_does_not_move_the_end() {
        let diagnostics = Diagnostics::new().unwrap();
        (&diagnostics.0).write_all(b"one\n").unwrap();
        assert_eq!(diagnostics.tail().unwrap(), "one");
        (&diagnostics.0).write_all(b"two \xff\n").unwrap();
        assert_eq!(diagnostics.tail().unwrap(), "one\ntwo \u{fffd}");
    }
}

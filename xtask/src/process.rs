//! Runs other programs, with errors that contain the command and the reason.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The result of a program.
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` without input and captures its output, whether it succeeds or not.
pub(crate) fn collect(command: &mut Command) -> Result<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", display(command)))?;
    Ok(Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs `command` without input and returns its standard output. Its failure is an error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = collect(command)?;
    if !output.success {
        let Output { stdout, stderr, .. } = output;
        bail!("{} failed:\n{}", display(command), (stdout + &stderr).trim_end());
    }
    Ok(output.stdout)
}

/// Runs `command` with its output passed on. Its failure is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", display(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", display(command));
    }
    Ok(())
}

/// Returns the path of `program` in the `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| is_executable(file))
}

/// Returns the command as typed in a shell.
pub(crate) fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn is_executable(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_the_command_and_what_it_said() {
        let error = read(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"]));
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("sh -c"), "{error}");
        assert!(error.ends_with("no such luck"), "{error}");
    }

    #[test]
    fn a_program_that_cannot_start_is_named() {
        let error = read(&mut Command::new("/no/such/program")).unwrap_err().to_string();
        assert_eq!(error, "cannot start /no/such/program");
    }

    #[test]
    fn find_sees_only_what_can_be_run() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-at-all"), None);
    }
}

//! One run of one client.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// Longer than any run takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// The measurements of a run, by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// What a program prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Its figures, as JSON in the last line.
    Figures,
    /// The reply to `query-version`, which is checked.
    Version,
}

/// Runs a program to its end; adds the figures of the whole process.
pub(crate) fn run(command: &mut Command, output: Output) -> Result<Figures> {
    let shown = format!("{command:?}");
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let id = child.id();
    let (text, complaint, ended) = std::thread::scope(|scope| -> Result<_> {
        let (ended, watched) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            if watched.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            }
        });
        let complaint = scope.spawn(move || read(stderr));
        let text = read(stdout);
        let waited = child.wait4()?;
        drop(ended);
        Ok((text, complaint.join().unwrap_or_default(), waited))
    })?;
    let wall = started.elapsed();
    if !ended.status.success() {
        bail!("{shown} failed ({}): {}", ended.status, complaint.trim());
    }
    let mut figures = Figures::new();
    if output == Output::Version && !text.contains("\"major\": 7") {
        bail!("{shown} printed {text:?}, which is no version");
    }
    let figured = text.lines().last().filter(|line| line.starts_with('{'));
    if let Some(line) = figured.filter(|_| output == Output::Figures) {
        figures = serde_json::from_str(line).with_context(|| format!("{shown} said {line}"))?;
    }
    let processor = ended.rusage.utime + ended.rusage.stime;
    figures.insert("process_cpu_ns".into(), processor.as_nanos() as f64);
    figures.insert("process_wall_ns".into(), wall.as_nanos() as f64);
    figures.insert("process_bytes".into(), ended.rusage.maxrss as f64);
    Ok(figures)
}

fn read(stream: Option<impl Read>) -> String {
    let mut text = Vec::new();
    // Everything that was printed until the end.
    let _ = stream.map(|mut stream| stream.read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns the size of a file.
pub(crate) fn size(file: &Path) -> Result<f64> {
    let data = std::fs::metadata(file).with_context(|| format!("{}", file.display()))?;
    Ok(data.len() as f64)
}

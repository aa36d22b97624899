//! A built target: running it, and cleaning up after it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::log::{Finding, Log};
use crate::process;

/// The maximum input length: enough for nesting deeper than a server reads.
const LONGEST: &str = "-max_len=4096";

pub(super) struct Program {
    name: String,
    program: PathBuf,
    /// Inputs that reached new code; kept between runs.
    corpus: PathBuf,
    seeds: PathBuf,
    findings: PathBuf,
    log: PathBuf,
}

impl Program {
    pub(super) fn new(name: &str, programs: &Path, folder: &Path) -> Result<Self> {
        let place = |kind: &str| {
            let place = folder.join(kind).join(name);
            fs::create_dir_all(&place)
                .with_context(|| format!("cannot make {}", place.display()))?;
            anyhow::Ok(place)
        };
        Ok(Self {
            name: name.to_owned(),
            program: programs.join(name),
            corpus: place("corpus")?,
            seeds: place("seeds")?,
            findings: place("findings")?,
            log: place("logs")?.join("last.log"),
        })
    }

    /// Runs until the time is over or an input is found; then cleans up.
    pub(super) fn run(&self, seconds: u64, dictionary: &Path) -> Result<Log> {
        let mut command = Command::new(&self.program);
        command.arg(&self.corpus).arg(&self.seeds);
        command.arg(format!("-max_total_time={seconds}")).arg(self.artifacts());
        command.arg(format!("-dict={}", dictionary.display()));
        command.args([LONGEST, "-timeout=20", "-print_final_stats=1"]);
        let file = File::create(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let status = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .status()
            .with_context(|| format!("cannot start {}", process::display(&command)))?;
        let text = fs::read(&self.log)?;
        let mut log = Log::read(&self.name, status.success(), &String::from_utf8_lossy(&text));
        match &mut log.finding {
            Some(finding) => self.shorten(finding)?,
            None => log.corpus = self.merge()?,
        }
        Ok(log)
    }

    /// Minimises an input.
    fn shorten(&self, finding: &mut Finding) -> Result<()> {
        let short = finding.input.with_extension("short");
        let mut minimise = Command::new(&self.program);
        minimise.args(["-minimize_crash=1", "-max_total_time=30"]).arg(&finding.input);
        minimise.arg(format!("-exact_artifact_path={}", short.display()));
        // It fails as soon as it finds no shorter one.
        process::collect(&mut minimise)?;
        if short.is_file() {
            finding.input = short;
        }
        finding.again = format!("{} {}", self.program.display(), finding.input.display());
        Ok(())
    }

    /// Reduces the corpus to inputs with distinct coverage, and returns their number.
    fn merge(&self) -> Result<usize> {
        let kept = self.corpus.with_extension("kept");
        if kept.exists() {
            fs::remove_dir_all(&kept)?;
        }
        fs::create_dir_all(&kept)?;
        let mut merge = Command::new(&self.program);
        merge.args(["-merge=1", LONGEST]).arg(&kept).arg(&self.corpus);
        process::read(&mut merge)?;
        fs::remove_dir_all(&self.corpus)?;
        fs::rename(&kept, &self.corpus)?;
        Ok(fs::read_dir(&self.corpus)?.count())
    }

    /// Ends in a slash, because it is used as a prefix of names.
    fn artifacts(&self) -> String {
        format!("-artifact_prefix={}/", self.findings.display())
    }
}

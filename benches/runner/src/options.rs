//! What to measure, and with which programs.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The rounds of an ordinary run, and of a quick one.
const ROUNDS: usize = 7;
const QUICK_ROUNDS: usize = 3;

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    /// A workload, or `workload/client`.
    pub(crate) only: Option<String>,
    /// The `results.json` of an earlier run, to compare with the last complete one.
    pub(crate) compare: Option<PathBuf>,
    /// The folder of the programs.
    pub(crate) programs: PathBuf,
    /// The workspace of the benchmarks.
    pub(crate) sources: PathBuf,
    pub(crate) output: PathBuf,
    /// The folder in which a complete run writes its tables and plots.
    pub(crate) docs: Option<PathBuf>,
    /// The folder of a QEMU's programs, by version.
    pub(crate) qemus: Vec<(String, PathBuf)>,
    /// A Python that has `qemu.qmp`, or why there is none.
    pub(crate) python: Result<PathBuf, String>,
    /// The client on go-qemu, or why there is none.
    pub(crate) go: Result<PathBuf, String>,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let programs = std::env::current_exe()?;
        let sources = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let mut options = Self {
            quick: false,
            rounds: 0,
            only: None,
            compare: None,
            programs: programs.parent().map(Into::into).unwrap_or_default(),
            output: sources.join("../target/bench"),
            sources,
            docs: None,
            qemus: Vec::new(),
            python: Err("it was not prepared".to_owned()),
            go: Err("it was not prepared".to_owned()),
        };
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--rounds" => options.rounds = value()?.parse().context("--rounds")?,
                "--only" => options.only = Some(value()?),
                "--compare" => options.compare = Some(value()?.into()),
                "--output" => options.output = value()?.into(),
                "--docs" => options.docs = Some(value()?.into()),
                "--python" => options.python = Ok(value()?.into()),
                "--no-python" => options.python = Err(value()?),
                "--go" => options.go = Ok(value()?.into()),
                "--no-go" => options.go = Err(value()?),
                "--qemu" => {
                    let value = value()?;
                    let (version, folder) =
                        value.split_once('=').context("--qemu VERSION=FOLDER")?;
                    options.qemus.push((version.to_owned(), folder.into()));
                }
                other => bail!(
                    "what is {other}? --quick, --rounds N, --only WORKLOAD[/CLIENT], --compare FILE"
                ),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
        }
        Ok(options)
    }

    /// Returns whether a workload is to be run.
    pub(crate) fn wants(&self, workload: &str) -> bool {
        let only = self.only.as_deref().map(|only| only.split('/').next().unwrap_or(only));
        only.is_none_or(|only| only == workload)
    }

    /// Returns whether a client is to be run in a selected workload.
    pub(crate) fn wants_client(&self, client: &str) -> bool {
        let only = self.only.as_deref().and_then(|only| only.split_once('/'));
        only.is_none_or(|(_, only)| only == client)
    }

    /// Returns whether the results are complete enough to keep.
    pub(crate) fn is_complete(&self) -> bool {
        !self.quick && self.only.is_none()
    }
}

//! The results of all runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use crate::builds::Build;
use crate::catalogue::Workload;
use crate::machine;
use crate::options::Options;
use crate::process::Figures;
use crate::spread::Spread;
use crate::targets::Verdict;

/// How one run of one client ended.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Done(Figures),
    /// It cannot run on this machine, or the client cannot do it.
    NotRun(String),
    Failed(String),
}

type Key = (String, usize, String);

#[derive(Debug)]
pub(crate) struct Results {
    runs: BTreeMap<Key, Vec<Outcome>>,
    pub(crate) builds: Vec<Build>,
    pub(crate) machine: Vec<(&'static str, String)>,
    pub(crate) rounds: usize,
}

impl Results {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            runs: BTreeMap::new(),
            builds: Vec::new(),
            machine: machine::describe(),
            rounds: options.rounds,
        }
    }

    pub(crate) fn add(&mut self, workload: &Workload, point: usize, client: &str, run: Outcome) {
        if let Outcome::Failed(why) = &run {
            eprintln!("error: {}/{client}: {why}", workload.name);
        }
        let key = (workload.name.to_owned(), point, client.to_owned());
        self.runs.entry(key).or_default().push(run);
    }

    fn runs(&self, workload: &str, point: usize, client: &str) -> &[Outcome] {
        let key = (workload.to_owned(), point, client.to_owned());
        self.runs.get(&key).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn has_failed(&self, workload: &Workload, point: usize, client: &str) -> bool {
        let runs = self.runs(workload.name, point, client);
        runs.iter().any(|run| !matches!(run, Outcome::Done(_)))
    }

    /// Why a client has no figures.
    pub(crate) fn not_run(&self, workload: &str, point: usize, client: &str) -> Option<&str> {
        self.runs(workload, point, client).iter().find_map(|run| match run {
            Outcome::Done(_) => None,
            Outcome::NotRun(why) | Outcome::Failed(why) => Some(why.as_str()),
        })
    }

    fn figures(&self, workload: &str, point: usize, client: &str, figure: &str) -> Vec<f64> {
        let runs = self.runs(workload, point, client).iter();
        runs.filter_map(|run| match run {
            Outcome::Done(figures) => figures.get(figure).copied(),
            _ => None,
        })
        .collect()
    }

    /// Returns the median of the rounds.
    pub(crate) fn median(
        &self,
        workload: &str,
        point: usize,
        client: &str,
        figure: &str,
    ) -> Option<f64> {
        Some(self.spread(workload, point, client, figure)?.middle)
    }

    pub(crate) fn spread(
        &self,
        workload: &str,
        point: usize,
        client: &str,
        figure: &str,
    ) -> Option<Spread> {
        Spread::of(self.figures(workload, point, client, figure))
    }

    /// Returns the ratio to another client in the same workload: the median of the rounds' ratios,
    /// because noise affects a whole round.
    pub(crate) fn ratio(
        &self,
        (workload, point): (&str, usize),
        client: &str,
        other: &str,
        figure: &str,
    ) -> Option<f64> {
        let ours = self.figures(workload, point, client, figure);
        let theirs = self.figures(workload, point, other, figure);
        let ratios = ours.iter().zip(&theirs).map(|(one, other)| one / other);
        Some(Spread::of(ratios.collect())?.middle)
    }

    pub(crate) fn json(&self, verdicts: &[Verdict]) -> String {
        let mut runs_of_all = Map::new();
        for ((workload, point, client), runs) in &self.runs {
            let runs: Vec<Value> = runs
                .iter()
                .map(|run| match run {
                    Outcome::Done(figures) => json!(figures),
                    Outcome::NotRun(why) => json!({"not run": why}),
                    Outcome::Failed(why) => json!({"failed": why}),
                })
                .collect();
            let key = format!("{workload}/{client}/{point}");
            runs_of_all.insert(key, runs.into());
        }
        let machine: Map<String, Value> =
            self.machine.iter().map(|(name, what)| ((*name).to_owned(), json!(what))).collect();
        let builds: Vec<Value> = self.builds.iter().map(Build::json).collect();
        let targets: Vec<Value> = verdicts.iter().map(Verdict::json).collect();
        let mut text = String::from("{\n");
        // One line per client, so that people can read and compare it.
        let _ = writeln!(text, "\"machine\": {},", json!(machine));
        let _ = writeln!(text, "\"rounds\": {},", self.rounds);
        let _ = writeln!(text, "\"builds\": {},", json!(builds));
        let _ = writeln!(text, "\"targets\": {},", json!(targets));
        let runs = runs_of_all.iter().map(|(key, runs)| format!("{}: {runs}", json!(key)));
        let _ = writeln!(text, "\"runs\": {{\n{}\n}}\n}}", runs.collect::<Vec<_>>().join(",\n"));
        text
    }

    /// A client that returned a wrong reply does not count as a slow one.
    pub(crate) fn fail_on_errors(&self) -> Result<()> {
        let failed: Vec<_> = self
            .runs
            .iter()
            .filter(|(_, runs)| runs.iter().any(|run| matches!(run, Outcome::Failed(_))))
            .map(|((workload, _, client), _)| format!("{workload}/{client}"))
            .collect();
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }
}

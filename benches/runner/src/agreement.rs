//! Checks whether two runs agree within the noise of both.
//!
//! Ratios are compared, because a machine may be faster on one day than on another, with all
//! clients alike.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::client::Client;
use crate::spread::Spread;
use crate::tables::table;

/// The figures that ratios are made of: not wall time, which depends on servers and other
/// processes.
const TIMES: [&str; 2] = ["cpu_ns", "process_cpu_ns"];
/// Figures that are measured once.
const ONCE: [&str; 3] = ["idle_bytes", "after_large_bytes", "bytes"];
/// One round does not show its noise.
const FEW: usize = 3;
/// The number of differing ratios that are printed.
const SHOWN: usize = 30;

/// The rounds of a run, by `workload/client/point`.
type Runs = BTreeMap<String, Vec<Value>>;

/// A ratio in two runs.
struct Pair {
    name: String,
    one: Spread,
    other: Spread,
}

/// Prints for two runs, given by their `results.json`, how many of the ratios agree, and which do
/// not.
pub(crate) fn compare(one: &Path, other: &Path) -> Result<String> {
    let (one, other) = (read(one)?, read(other)?);
    let pairs = ratios(&one, &other);
    let mut apart: Vec<&Pair> = pairs.iter().filter(|pair| !pair.agrees()).collect();
    apart.sort_by(|left, right| right.difference().total_cmp(&left.difference()));
    let mut differences: Vec<f64> = pairs.iter().map(Pair::difference).collect();
    differences.sort_by(f64::total_cmp);
    let within = |share: f64| {
        let at = (differences.len() as f64 * share) as usize;
        differences.get(at.min(differences.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let once = once(&one, &other).into_iter().fold(0.0, f64::max);
    let mut text = format!(
        "{} of {} ratios to the floor or to ours agree within the noise that both runs state, half of \
         what their rounds span. Half of all differ by less than {:.1} %, nine in ten by less than \
         {:.1} %. Memory and bytes, which are measured once, differ by {:.1} % at most.\n",
        pairs.len() - apart.len(),
        pairs.len(),
        within(0.5) * 100.0,
        within(0.9) * 100.0,
        once * 100.0,
    );
    if apart.is_empty() {
        return Ok(text);
    }
    text += "\nThose that do not agree:\n\n";
    let heading = ["ratio", "one", "±", "other", "±", "difference"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    rows.extend(apart.iter().take(SHOWN).map(|pair| {
        vec![
            pair.name.clone(),
            format!("{:.2}", pair.one.middle),
            pair.one.percent(),
            format!("{:.2}", pair.other.middle),
            pair.other.percent(),
            format!("{:.0} %", pair.difference() * 100.0),
        ]
    }));
    table(&mut text, &rows);
    Ok(text)
}

fn read(file: &Path) -> Result<Runs> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let mut all: Value =
        serde_json::from_str(&text).with_context(|| format!("{shown} is no JSON"))?;
    serde_json::from_value(all["runs"].take()).with_context(|| format!("{shown} has no runs"))
}

/// Compares each client's rounds with those of its floor, and of ours.
fn ratios(one: &Runs, other: &Runs) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for key in one.keys() {
        let [workload, name, point] = key.split('/').collect::<Vec<_>>()[..] else { continue };
        let Some(client) = Client::named(name) else { continue };
        for beside in [Some(client.floor), client.ours].into_iter().flatten() {
            if beside == name {
                continue;
            }
            let beside_key = format!("{workload}/{beside}/{point}");
            let of = |runs: &Runs| ratio(runs.get(key)?, runs.get(&beside_key)?);
            if let Some((one, other)) = of(one).zip(of(other)) {
                pairs.push(Pair { name: format!("{key} to {beside}"), one, other });
            }
        }
    }
    pairs
}

fn ratio(ours: &[Value], theirs: &[Value]) -> Option<Spread> {
    let figure =
        TIMES.iter().find(|figure| ours.iter().any(|round| round.get(figure).is_some()))?;
    let rounds = ours.iter().zip(theirs);
    let ratios =
        rounds.filter_map(|(one, other)| Some(number(one, figure)? / number(other, figure)?));
    let ratios: Vec<f64> = ratios.collect();
    (ratios.len() >= FEW).then(|| Spread::of(ratios))?
}

fn number(round: &Value, figure: &str) -> Option<f64> {
    round.get(figure)?.as_f64()
}

/// Returns by how much the figures that are measured once differ.
fn once(one: &Runs, other: &Runs) -> Vec<f64> {
    let mut differences = Vec::new();
    for (key, rounds) in one {
        for figure in ONCE {
            let first = |rounds: &Vec<Value>| number(rounds.first()?, figure);
            if let Some((one, other)) = first(rounds).zip(other.get(key).and_then(first)) {
                differences.push(difference(one, other));
            }
        }
    }
    differences
}

/// Relative to the smaller one.
fn difference(one: f64, other: f64) -> f64 {
    if one == other { 0.0 } else { (one - other).abs() / one.min(other) }
}

impl Pair {
    fn difference(&self) -> f64 {
        difference(self.one.middle, self.other.middle)
    }

    fn agrees(&self) -> bool {
        (self.one.middle - self.other.middle).abs() <= self.one.noise + self.other.noise
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn runs(ours: [f64; 3], floor: [f64; 3]) -> Runs {
        let rounds = |figures: [f64; 3]| figures.map(|it| json!({"cpu_ns": it})).to_vec();
        let memory = vec![json!({"idle_bytes": ours[0]})];
        Runs::from([
            ("round-trip/tokio/0".to_owned(), rounds(ours)),
            ("round-trip/floor-tokio/0".to_owned(), rounds(floor)),
            ("idle/tokio/0".to_owned(), memory),
        ])
    }

    #[test]
    fn runs_agree_when_the_noise_of_their_ratios_reaches_from_one_to_the_other() {
        let calm = runs([11.0, 11.0, 11.1], [10.0; 3]);
        let agrees = |other: &Runs| {
            let pairs = ratios(&calm, other);
            assert_eq!(pairs.len(), 1);
            assert_eq!(pairs[0].name, "round-trip/tokio/0 to floor-tokio");
            pairs[0].agrees()
        };
        assert!(agrees(&calm));
        // On a slower machine.
        assert!(agrees(&runs([22.0, 22.1, 22.0], [20.0; 3])));
        assert!(!agrees(&runs([12.0, 12.0, 12.1], [10.0; 3])));
        assert!(agrees(&runs([11.0, 12.0, 14.0], [10.0; 3])));
        let other = once(&calm, &runs([22.0; 3], [20.0; 3]));
        assert_eq!(other, [1.0]);
    }
}

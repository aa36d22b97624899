//! Whether two runs agree within the noise that both state.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::spread::Spread;
use crate::tables::table;

/// What is compared: not the wall, which shows the servers and the neighbours.
const FIGURES: [&str; 5] = ["cpu_ns", "process_cpu_ns", "idle_bytes", "after_large_bytes", "bytes"];
/// So many of those that differ are shown.
const SHOWN: usize = 30;

type Spreads = BTreeMap<String, Spread>;

/// A figure of two runs.
struct Pair<'a> {
    name: &'a str,
    one: Spread,
    other: Spread,
}

/// Says of two runs, by their `results.json`, how many of the figures agree, and which do not.
pub(crate) fn compare(one: &Path, other: &Path) -> Result<String> {
    let (one, other) = (read(one)?, read(other)?);
    let pairs: Vec<Pair<'_>> = one
        .iter()
        .filter_map(|(name, spread)| Some(Pair { name, one: *spread, other: *other.get(name)? }))
        .collect();
    let mut apart: Vec<&Pair<'_>> = pairs.iter().filter(|pair| !pair.agrees()).collect();
    apart.sort_by(|left, right| right.difference().total_cmp(&left.difference()));
    let mut differences: Vec<f64> = pairs.iter().map(Pair::difference).collect();
    differences.sort_by(f64::total_cmp);
    let within = |share: f64| {
        let at = (differences.len() as f64 * share) as usize;
        differences.get(at.min(differences.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let mut text = format!(
        "{} of {} figures agree within the noise that both runs state. Half of all differ by less \
         than {:.1} %, nine in ten by less than {:.1} %.\n",
        pairs.len() - apart.len(),
        pairs.len(),
        within(0.5) * 100.0,
        within(0.9) * 100.0,
    );
    if apart.is_empty() {
        return Ok(text);
    }
    let _ = writeln!(text, "\nThose that differ most of the {} that do not agree:\n", apart.len());
    let mut rows =
        vec![["figure", "one", "±", "other", "±", "difference"].map(str::to_owned).into()];
    rows.extend(apart.iter().take(SHOWN).map(|pair| {
        vec![
            pair.name.to_owned(),
            format!("{:.4e}", pair.one.middle),
            pair.one.percent(),
            format!("{:.4e}", pair.other.middle),
            pair.other.percent(),
            format!("{:.1} %", pair.difference() * 100.0),
        ]
    }));
    table(&mut text, &rows);
    Ok(text)
}

/// The figures of a run, by `workload/client/point/figure`.
fn read(file: &Path) -> Result<Spreads> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let all: Value = serde_json::from_str(&text).with_context(|| format!("{shown} is no JSON"))?;
    let runs = all["runs"].as_object().with_context(|| format!("{shown} has no runs"))?;
    let mut spreads = Spreads::new();
    for (key, rounds) in runs {
        for figure in FIGURES {
            let rounds = rounds.as_array().into_iter().flatten();
            let figures = rounds.filter_map(|round| round.get(figure)?.as_f64()).collect();
            if let Some(spread) = Spread::of(figures) {
                spreads.insert(format!("{key}/{figure}"), spread);
            }
        }
    }
    Ok(spreads)
}

impl Pair<'_> {
    /// In parts of the smaller.
    fn difference(&self) -> f64 {
        let (one, other) = (self.one.middle, self.other.middle);
        if one == other { 0.0 } else { (one - other).abs() / one.min(other) }
    }

    fn agrees(&self) -> bool {
        (self.one.middle - self.other.middle).abs() <= self.one.noise + self.other.noise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(one: &[f64], other: &[f64]) -> Pair<'static> {
        let spread = |figures: &[f64]| Spread::of(figures.to_vec()).unwrap();
        Pair { name: "x", one: spread(one), other: spread(other) }
    }

    #[test]
    fn runs_agree_when_their_noise_reaches_from_one_to_the_other() {
        let calm = pair(&[10.0, 10.0, 10.1], &[12.0, 12.0, 12.1]);
        assert!(!calm.agrees());
        assert!((calm.difference() - 0.2).abs() < 1e-9);
        assert!(pair(&[9.0, 10.0, 11.0], &[8.0, 11.0, 14.0]).agrees());
        assert!(pair(&[36.0], &[36.0]).agrees());
        assert!(!pair(&[36.0], &[37.0]).agrees());
    }
}

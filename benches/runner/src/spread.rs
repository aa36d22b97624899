//! The result of several rounds.

/// Their median and range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) middle: f64,
    /// Half of their range.
    pub(crate) noise: f64,
}

impl Spread {
    /// Returns `None` without figures.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (least, most) = (figures.first()?, figures.last()?);
        let half = figures.len() / 2;
        let middle = match figures.len() % 2 {
            1 => figures[half],
            _ => f64::midpoint(figures[half - 1], figures[half]),
        };
        Some(Self { middle, noise: (most - least) / 2.0 })
    }

    /// Returns the noise, relative to the figure.
    pub(crate) fn percent(&self) -> String {
        match self.middle {
            0.0 => String::new(),
            middle => format!("{:.1} %", self.noise / middle * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_median_and_the_noise_half_of_the_span() {
        assert_eq!(Spread::of(vec![]), None);
        let spread = |figures: &[f64]| Spread::of(figures.to_vec()).map(|it| (it.middle, it.noise));
        assert_eq!(spread(&[3.0]), Some((3.0, 0.0)));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((2.0, 1.0)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some((2.5, 1.5)));
    }
}

//! What several rounds came to.

/// The middle of them, and how far they are from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) middle: f64,
    /// Half of the distance between the quartiles.
    pub(crate) noise: f64,
}

impl Spread {
    /// `None` of no figures.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * figures.len().checked_sub(1)? as f64;
            let (low, high) =
                (figures.get(place.floor() as usize)?, figures.get(place.ceil() as usize)?);
            Some(low + (high - low) * place.fract())
        };
        Some(Self { middle: at(0.5)?, noise: (at(0.75)? - at(0.25)?) / 2.0 })
    }

    /// The noise, in parts of the figure.
    pub(crate) fn percent(&self) -> String {
        if self.middle == 0.0 {
            String::new()
        } else {
            format!("{:.1} %", self.noise / self.middle * 100.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_median_and_the_noise_half_of_what_the_middle_half_spans() {
        assert_eq!(Spread::of(vec![]), None);
        let spread = |figures: &[f64]| Spread::of(figures.to_vec()).map(|it| (it.middle, it.noise));
        assert_eq!(spread(&[3.0]), Some((3.0, 0.0)));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((2.0, 0.5)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some((2.5, 0.75)));
        assert_eq!(spread(&[7.0, 1.0, 6.0, 2.0, 5.0, 3.0, 4.0]), Some((4.0, 1.5)));
    }
}

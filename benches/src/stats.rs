//! Medians, quartiles and geometric means.

use serde::Serialize;

/// What is reported of the samples of one cell.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) lower_quartile: f64,
    pub(crate) upper_quartile: f64,
    pub(crate) samples: usize,
}

impl Summary {
    /// Of at least one sample.
    pub(crate) fn of(samples: &[f64]) -> Summary {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Summary {
            median: quantile(&sorted, 0.5),
            lower_quartile: quantile(&sorted, 0.25),
            upper_quartile: quantile(&sorted, 0.75),
            samples: sorted.len(),
        }
    }

    /// How far the quartiles are apart, as a part of the median.
    pub(crate) fn spread(&self) -> f64 {
        (self.upper_quartile - self.lower_quartile) / self.median
    }
}

/// The value below which this part of the sorted samples lies, between two of them if need be.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The geometric mean; none of nothing.
pub(crate) fn geometric_mean(values: &[f64]) -> Option<f64> {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    (!values.is_empty()).then(|| (logarithms / values.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn the_median_of_an_odd_number_is_the_one_in_the_middle() {
        close(Summary::of(&[9.0, 1.0, 4.0]).median, 4.0);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_two() {
        close(Summary::of(&[1.0, 2.0, 4.0, 9.0]).median, 3.0);
    }

    #[test]
    fn quartiles_do_not_depend_on_order() {
        let summary = Summary::of(&[5.0, 1.0, 3.0, 2.0, 4.0]);
        close(summary.lower_quartile, 2.0);
        close(summary.upper_quartile, 4.0);
        close(summary.spread(), 2.0 / 3.0);
    }

    #[test]
    fn one_sample_is_all_of_them() {
        let summary = Summary::of(&[7.0]);
        close(summary.median, 7.0);
        close(summary.spread(), 0.0);
    }

    #[test]
    fn half_and_double_cancel_in_a_geometric_mean() {
        close(geometric_mean(&[0.5, 2.0]).expect("there are values"), 1.0);
        close(geometric_mean(&[2.0, 8.0]).expect("there are values"), 4.0);
        assert!(geometric_mean(&[]).is_none());
    }
}

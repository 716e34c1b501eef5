//! Medians and ratios.

/// What was measured of one contender, once a round.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) rates: Vec<f64>,
}

impl Measured {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            rates: Vec::new(),
        }
    }
}

/// Prints a row: the limit first, then who is compared with it.
pub(crate) fn print(title: &str, goal: &str, limit: &Measured, others: &[Measured]) {
    println!("{title} (goal: {goal})");
    print_one(limit, None);
    for one in others {
        // Round by round, so that what slows the whole machine for a while slows both sides of a ratio.
        let ratios: Vec<f64> = one
            .rates
            .iter()
            .zip(&limit.rates)
            .map(|(one, limit)| one / limit)
            .collect();
        print_one(one, Some(&ratios));
    }
}

fn print_one(measured: &Measured, ratios: Option<&[f64]>) {
    let rates = &measured.rates;
    let (low, high) = spread(rates);
    let ratio = ratios.map_or_else(
        || "1.00".to_owned(),
        |ratios| {
            let (low, high) = spread(ratios);
            format!("{:.2} ({low:.2} to {high:.2})", median(ratios))
        },
    );
    println!(
        "  {:<24} {:>9.0}/s ({low:.0} to {high:.0})   {ratio}",
        measured.name,
        median(rates)
    );
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn spread(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (1.0, 3.0));
    }
}

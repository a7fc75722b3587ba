//! Figures: what was measured, over several runs, beside the same of the baselines.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::{error::BenchError, process::Target, tracker::Checks};

/// The longest time that is told from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// Many durations, of each of which three digits are kept.
#[derive(Clone, Debug)]
pub struct Durations(Histogram<u64>);

impl Durations {
    /// None yet.
    pub fn new() -> Result<Self, BenchError> {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let made = Histogram::new_with_bounds(1, longest, 3);
        let made = made.map_err(|error| BenchError::Flags(error.to_string()));
        made.map(Self)
    }

    /// Takes one.
    pub fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanoseconds);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// What so much of them did not exceed, in milliseconds. Of none that is not 0, but an error.
    pub fn milliseconds(&self, quantile: f64) -> Result<f64, BenchError> {
        if self.0.is_empty() {
            return Err(BenchError::NothingMeasured);
        }
        Ok(Duration::from_nanos(self.0.value_at_quantile(quantile)).as_secs_f64() * 1e3)
    }
}

/// What a run of one target gave.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Its figures; the same in each run and for each target.
    pub figures: Vec<Figure>,
    /// What was checked.
    pub checks: Checks,
    /// What one must know to read the figures, as sentences without a stop.
    pub notes: Vec<String>,
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What it is, in words that are also its name in JSON.
    pub name: &'static str,
    /// In what it is counted.
    pub unit: &'static str,
    /// How much.
    pub value: f64,
}

impl Outcome {
    /// The figure of a name.
    pub fn figure(&self, name: &str) -> Option<Figure> {
        let found = self.figures.iter().find(|figure| figure.name == name);
        found.copied()
    }

    /// Adds a figure.
    pub fn put(&mut self, name: &'static str, unit: &'static str, value: f64) {
        self.figures.push(Figure { name, unit, value });
    }
}

/// The middle of several values, and the least and the most of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle; of an even number the mean of the two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of some values; `None` of none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Self { median, min, max })
    }
}

/// What one scenario gave.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub scenario: &'static str,
    /// Its sizes, as (name, value).
    pub settings: Vec<(&'static str, f64)>,
    /// What each run of each target gave.
    pub runs: Vec<(Target, Vec<Outcome>)>,
}

impl Table {
    /// The names and units of the figures, in their order.
    pub fn rows(&self) -> Vec<(&'static str, &'static str)> {
        let mut rows = Vec::new();
        for (_, runs) in &self.runs {
            for figure in runs.iter().flat_map(|run| &run.figures) {
                if !rows.contains(&(figure.name, figure.unit)) {
                    rows.push((figure.name, figure.unit));
                }
            }
        }
        rows
    }

    fn values(&self, target: Target, name: &str) -> Vec<f64> {
        let runs = self.runs.iter().find(|(found, _)| *found == target);
        let runs = runs.map_or(&[][..], |(_, runs)| runs);
        let value = |run: &Outcome| run.figure(name).map(|figure| figure.value);
        runs.iter().filter_map(value).collect()
    }

    /// A figure of a target over its runs.
    pub fn spread(&self, target: Target, name: &str) -> Option<Spread> {
        Spread::of(self.values(target, name))
    }

    /// A figure of the server as so many times that of a baseline, run by run.
    pub fn ratio(&self, baseline: Target, name: &str) -> Option<Spread> {
        let server = self.values(Target::Server, name).into_iter();
        let pairs = server.zip(self.values(baseline, name));
        Spread::of(
            pairs
                .filter(|(_, baseline)| *baseline > 0.0)
                .map(|(server, baseline)| server / baseline)
                .collect(),
        )
    }

    /// What was checked, over all runs of a target.
    pub fn checks(&self, target: Target) -> Checks {
        let mut all = Checks::default();
        let runs = self.runs.iter().filter(|(found, _)| *found == target);
        runs.flat_map(|(_, runs)| runs)
            .for_each(|run| all.add(run.checks));
        all
    }

    /// What must be known of the figures of a target, each sentence once.
    pub fn notes(&self, target: Target) -> Vec<&str> {
        let runs = self.runs.iter().filter(|(found, _)| *found == target);
        let mut notes: Vec<&str> = Vec::new();
        for note in runs.flat_map(|(_, runs)| runs).flat_map(|run| &run.notes) {
            if !notes.contains(&note.as_str()) {
                notes.push(note);
            }
        }
        notes
    }

    /// What was checked, over everything.
    pub fn all_checks(&self) -> Checks {
        let mut all = Checks::default();
        self.runs
            .iter()
            .for_each(|(target, _)| all.add(self.checks(*target)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_kept_to_three_digits() {
        let mut durations = Durations::new().unwrap();
        assert!(durations.milliseconds(0.5).is_err());
        for milliseconds in 1..=100 {
            durations.record(Duration::from_millis(milliseconds));
        }
        durations.record(Duration::from_secs(3_600));
        assert_eq!(durations.count(), 101);
        let near = |quantile, expected: f64| {
            let found = durations.milliseconds(quantile).unwrap();
            assert!(
                (found / expected - 1.0).abs() < 0.001,
                "{found} for {expected}"
            );
        };
        near(0.5, 51.0);
        near(0.99, 100.0);
        near(1.0, 60_000.0);
    }

    #[test]
    fn the_middle_and_the_ends() {
        let spread = |values: &[f64]| {
            let spread = Spread::of(values.to_vec());
            spread.map(|spread| [spread.median, spread.min, spread.max])
        };
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some([2.0, 1.0, 3.0]));
        assert_eq!(spread(&[4.0, 1.0]), Some([2.5, 1.0, 4.0]));
    }

    #[test]
    fn ratios_are_of_the_same_run() {
        let run = |value| {
            let mut outcome = Outcome::default();
            outcome.put("speed", "msg/s", value);
            outcome
        };
        let table = Table {
            scenario: "x",
            settings: Vec::new(),
            runs: vec![
                (Target::Server, vec![run(10.0), run(30.0)]),
                (Target::Relay, vec![run(20.0), run(40.0)]),
                (Target::Sqlite, vec![run(0.0), run(0.0)]),
            ],
        };
        assert_eq!(table.rows(), [("speed", "msg/s")]);
        let ratio = table.ratio(Target::Relay, "speed").unwrap();
        assert_eq!([ratio.median, ratio.min, ratio.max], [0.625, 0.5, 0.75]);
        assert_eq!(table.ratio(Target::Sqlite, "speed"), None);
    }
}

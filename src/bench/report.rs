//! What is shown: a table for people, one JSON object for programs. docs/performance.md explains both.

use std::{env, fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};

use super::{
    cores::{self, Cores},
    figure::{Spread, Table},
    process::{Durability, Target},
    scenario::GENERATOR_CPU,
    tracker::Checks,
};

/// How busy a generator is that can do no more, in percent of its core.
pub const GENERATOR_FULL: f64 = 95.0;
/// The version of the JSON object: raised when a name changes its meaning.
const FORMAT: u32 = 1;

/// Where it was measured.
#[derive(Clone, Debug)]
pub struct Machine {
    cores: Result<Cores, String>,
    cores_of_machine: usize,
    kernel: String,
    processor: String,
    profile: String,
    file_system: String,
    command: String,
}

impl Machine {
    /// Reads it from the system.
    pub fn read(cores: Result<Cores, String>, folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let count = processors
            .lines()
            .filter(|line| line.starts_with("processor"));
        Self {
            cores,
            cores_of_machine: count.count(),
            kernel: known(read("/proc/sys/kernel/osrelease").trim()),
            processor: known(model.map_or("", |(_, model)| model)),
            profile: profile(),
            file_system: known(&file_system(&read("/proc/self/mounts"), folder)),
            command: env::args()
                .skip(1)
                .fold("tinychat-bench".into(), |line, word| line + " " + &word),
        }
    }

    fn cores(&self) -> String {
        let all = self.cores_of_machine;
        let Ok(cores) = &self.cores else {
            return format!("{all} (nothing is pinned)");
        };
        let (server, generator) = (cores.server, cores.generator);
        let beside = match cores.beside {
            Some(beside) => format!(", what goes on beside it on core {beside}"),
            None => String::new(),
        };
        format!(
            "{all} (server and baselines on core {server}, generator on core {generator}{beside})"
        )
    }

    /// What is wrong with the circumstances.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Err(why) = &self.cores {
            warnings.push(format!(
                "NOT PINNED: {why}; server and generator take time from each other, and no figure below can be \
                 compared with others"
            ));
        }
        if self
            .cores
            .as_ref()
            .is_ok_and(|cores| cores::are_one(*cores))
        {
            warnings.push(
                "the two cores are threads of one: server and generator take time from each other"
                    .to_owned(),
            );
        }
        if self.profile != "release" {
            warnings.push(format!(
                "profile {}: build with --release for figures that count",
                self.profile
            ));
        }
        if ["tmpfs", "ramfs"].contains(&self.file_system.as_str()) {
            warnings.push(format!(
                "the store is on {}, where a sync costs nothing: name a folder on a disk with --data",
                self.file_system
            ));
        }
        warnings
    }
}

fn known(text: &str) -> String {
    match text {
        "" => "unknown".to_owned(),
        text => text.to_owned(),
    }
}

/// The profile of this build: cargo puts each into a folder of its name.
fn profile() -> String {
    let folder = env::current_exe().ok();
    let folder = folder.as_deref().and_then(|own| own.parent()?.file_name());
    match folder.and_then(|name| name.to_str()) {
        Some(known @ ("release" | "ci" | "debug")) => known.to_owned(),
        _ if cfg!(debug_assertions) => "with debug assertions".to_owned(),
        _ => "release".to_owned(),
    }
}

/// The type of the file system that a folder lies on: that of the longest mount point above it.
fn file_system(mounts: &str, folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(place).then_some((place.len(), kind))
    });
    let longest = mounts.max_by_key(|(length, _)| *length);
    longest.map_or_else(String::new, |(_, kind)| kind.to_owned())
}

/// All that was measured by one call.
#[derive(Clone, Debug)]
pub struct Report {
    machine: Machine,
    durability: Durability,
    tables: Vec<Table>,
}

impl Report {
    /// Nothing yet.
    pub const fn new(machine: Machine, durability: Durability) -> Self {
        Self {
            machine,
            durability,
            tables: Vec::new(),
        }
    }

    /// What stands above the tables.
    pub fn head(&self) -> String {
        let machine = &self.machine;
        let lines = [
            ("command", machine.command.clone()),
            (
                "version",
                format!("{}, profile {}", env!("CARGO_PKG_VERSION"), machine.profile),
            ),
            ("cores", machine.cores()),
            ("processor", machine.processor.clone()),
            ("kernel", machine.kernel.clone()),
            (
                "durability",
                format!(
                    "{}, stores on {}",
                    self.durability.word(),
                    machine.file_system
                ),
            ),
        ];
        let mut text = String::new();
        for (name, value) in lines {
            let _ = writeln!(text, "{name:<10}  {value}");
        }
        for warning in machine.warnings() {
            let _ = writeln!(text, "WARNING     {warning}");
        }
        text
    }

    /// Adds a table, and shows it.
    pub fn add(&mut self, table: Table) -> String {
        let text = shown(&table);
        self.tables.push(table);
        text
    }

    /// What was checked, over all tables.
    pub fn checks(&self) -> Checks {
        let mut all = Checks::default();
        self.tables
            .iter()
            .for_each(|table| all.add(table.all_checks()));
        all
    }

    /// What stands below the tables.
    pub fn foot(&self) -> String {
        let checks = self.checks();
        let verdict = if checks.are_clean() { "ok" } else { "FAILED" };
        format!("\n{verdict}: {}\n", checked(checks))
    }

    /// Everything for programs.
    pub fn json(&self) -> Value {
        let machine = &self.machine;
        let cores = machine.cores.as_ref().ok();
        json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "command": machine.command,
            "profile": machine.profile,
            "durability": self.durability.word(),
            "machine": {
                "cores": machine.cores_of_machine,
                "server_core": cores.map(|cores| cores.server),
                "generator_core": cores.map(|cores| cores.generator),
                "beside_core": cores.and_then(|cores| cores.beside),
                "processor": machine.processor,
                "kernel": machine.kernel,
                "file_system": machine.file_system,
            },
            "warnings": machine.warnings(),
            "scenarios": self.tables.iter().map(scenario_json).collect::<Vec<_>>(),
            "checks": checks_json(self.checks()),
        })
    }
}

fn checked(checks: Checks) -> String {
    format!(
        "{} deliveries checked, {} lost, {} duplicate, {} reordered",
        number_text(checks.deliveries),
        number_text(checks.lost),
        number_text(checks.duplicate),
        number_text(checks.reordered)
    )
}

fn checks_json(checks: Checks) -> Value {
    json!({
        "deliveries": checks.deliveries,
        "lost": checks.lost,
        "duplicate": checks.duplicate,
        "reordered": checks.reordered,
    })
}

fn spread_json(spread: Spread) -> Value {
    json!({ "median": spread.median, "min": spread.min, "max": spread.max })
}

fn scenario_json(table: &Table) -> Value {
    let settings: serde_json::Map<String, Value> = table
        .settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let targets = table.runs.iter().map(|(target, runs)| {
        let figures = table.rows().into_iter().filter_map(|(name, unit)| {
            let mut figure = spread_json(table.spread(*target, name)?);
            figure["unit"] = json!(unit);
            if let Some(ratio) = table
                .ratio(*target, name)
                .filter(|_| *target != Target::Server)
            {
                figure["server_ratio"] = spread_json(ratio);
            }
            Some((name.to_owned(), figure))
        });
        let figures: serde_json::Map<String, Value> = figures.collect();
        json!({
            "target": target.word(),
            "runs": runs.len(),
            "figures": figures,
            "notes": table.notes(*target),
            "checks": checks_json(table.checks(*target)),
        })
    });
    json!({
        "name": table.scenario,
        "settings": settings,
        "targets": targets.collect::<Vec<_>>(),
    })
}

/// A whole number with its thousands apart.
fn number_text(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure with as many digits as say something.
fn figure_text(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => {
            let whole = format!("{value:.0}");
            whole.parse().map_or(whole, number_text)
        }
        middle if middle >= 100.0 => format!("{value:.0}"),
        small if small >= 10.0 => format!("{value:.1}"),
        smaller if smaller >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The middle, and the ends if there is anything between them.
fn spread_text(spread: Spread) -> String {
    let [median, min, max] = [spread.median, spread.min, spread.max].map(figure_text);
    match min == max {
        true => median,
        false => format!("{median} ({min} - {max})"),
    }
}

/// A table for people.
fn shown(table: &Table) -> String {
    let targets: Vec<Target> = table.runs.iter().map(|(target, _)| *target).collect();
    let baselines = || {
        targets
            .iter()
            .copied()
            .filter(|target| *target != Target::Server)
    };
    let has_server = targets.contains(&Target::Server);
    let mut head = vec!["figure".to_owned(), "unit".to_owned()];
    head.extend(targets.iter().map(|target| target.word().to_owned()));
    if has_server {
        head.extend(baselines().map(|target| format!("server / {}", target.word())));
    }
    let mut rows = vec![head];
    for (name, unit) in table.rows() {
        let text = |spread: Option<Spread>| spread.map_or_else(|| "-".to_owned(), spread_text);
        let mut row = vec![name.to_owned(), unit.to_owned()];
        row.extend(
            targets
                .iter()
                .map(|target| text(table.spread(*target, name))),
        );
        if has_server {
            row.extend(baselines().map(|target| text(table.ratio(target, name))));
        }
        rows.push(row);
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();

    let settings: Vec<String> = table
        .settings
        .iter()
        .map(|(name, value)| format!("{name} {}", plain_text(*value)))
        .collect();
    let runs = table.runs.first().map_or(0, |(_, runs)| runs.len());
    let mut text = format!(
        "\n{}: {}; runs {runs}; median (min - max)\n",
        table.scenario,
        settings.join(", ")
    );
    for row in rows {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Words to the left, figures to the right.
            let _ = match place {
                0 | 1 => write!(line, "  {cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for target in targets {
        let full = table.spread(target, GENERATOR_CPU);
        let is_paced = table.settings.iter().any(|(name, _)| *name == PACED);
        if full.is_some_and(|spread| spread.median >= GENERATOR_FULL) && !is_paced {
            let _ = writeln!(
                text,
                "  note: against {} the generator's core is full: its figures are bounded by the generator",
                target.word()
            );
        }
        for note in table.notes(target) {
            let _ = writeln!(text, "  note: {}: {note}", target.word());
        }
        let _ = writeln!(
            text,
            "  {}: {}",
            target.word(),
            checked(table.checks(target))
        );
    }
    text
}

/// A setting by which one knows that the generator keeps a schedule and never rests.
pub const PACED: &str = "messages per second";

/// A setting as it was given.
fn plain_text(value: f64) -> String {
    let whole = format!("{value:.0}");
    match value.fract() == 0.0 {
        true => whole.parse().map_or(whole, number_text),
        false => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_that_say_something() {
        let texts = [0.0, 0.12345, 1.25, 12.34, 123.4, 1234.5, 1_234_567.0].map(figure_text);
        assert_eq!(
            texts,
            [
                "0.000",
                "0.123",
                "1.25",
                "12.3",
                "123",
                "1,234",
                "1,234,567"
            ]
        );
        let settings = [0.2, 1.0, 5.0, 50.0, 100.0, 2000.0].map(plain_text);
        assert_eq!(settings, ["0.2", "1", "5", "50", "100", "2,000"]);
    }

    #[test]
    fn the_file_system_is_that_of_the_nearest_mount() {
        let mounts = "a / ext4 rw\nb /run tmpfs rw\nc /runs xfs rw\n";
        let of = |folder: &str| file_system(mounts, Path::new(folder));
        assert_eq!(of("/nowhere/x"), "ext4");
        assert_eq!(of("/run/no/such"), "tmpfs");
        assert_eq!(of("/runs/no/such"), "xfs");
        assert_eq!(file_system("", Path::new("/")), "");
    }
}

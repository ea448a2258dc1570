//! The parts that all benchmarks share: contenders that take turns, ratios, and rows of one table.
//!
//! A figure is the median over the rounds of one contender's cost divided by another's in the same
//! round. The cost is in user-mode CPU cycles where the kernel lets us count them, else in CPU time
//! of the thread, which leaves out the time spent waiting for the processor. Absolute times on a
//! shared machine mean little; they are printed to show the scale.
//!
//! For a goal in nanoseconds, a call is measured alongside whose time is known on the machine on
//! which the goal was set: see [`Race::yardstick`].

#![allow(dead_code, unreachable_pub)] // each benchmark uses a part of it

use std::{hint::black_box, time::Duration};

/// The number of rounds that count. One more comes first, to warm up.
pub const ROUNDS: usize = 41;
/// The time that one contender runs in one round.
const SLICE: Duration = Duration::from_millis(5);

/// Contenders that take turns, in an order that rotates each round.
#[derive(Default)]
pub struct Race<'a> {
    contenders: Vec<(&'static str, Calls<'a>)>,
    in_time: bool,
    /// The nanoseconds of the yardstick on the machine of the goals.
    yardstick: Option<f64>,
}

/// A function that makes a given number of calls.
type Calls<'a> = Box<dyn FnMut(u32) + 'a>;

impl<'a> Race<'a> {
    /// Creates a race without contenders.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a contender: its name, and one call of it.
    pub fn add<T>(mut self, name: &'static str, mut call: impl FnMut() -> T + 'a) -> Self {
        let calls = move |calls| {
            for _ in 0..calls {
                black_box(call());
            }
        };
        self.contenders.push((name, Box::new(calls)));
        self
    }

    /// Measures CPU time even where cycles can be counted: for a goal in nanoseconds.
    pub fn in_time(mut self) -> Self {
        self.in_time = true;
        self
    }

    /// Measures in nanoseconds of the machine on which the goals were set, where this call takes
    /// `nanoseconds`. If the processor is slower in one round, it is as slow for this call, so that
    /// cancels out. It must be a processor of the same kind: one with instructions for SHA-256, if
    /// the call hashes.
    pub fn yardstick<T>(self, nanoseconds: f64, call: impl FnMut() -> T + 'a) -> Self {
        let mut race = self.add(YARDSTICK, call).in_time();
        race.yardstick = Some(nanoseconds);
        race
    }

    /// Runs all rounds.
    pub fn run(self) -> Outcome {
        self.run_rounds(ROUNDS)
    }

    /// Runs the given number of rounds.
    pub fn run_rounds(mut self, rounds: usize) -> Outcome {
        let meter = if self.in_time {
            Meter::time()
        } else {
            Meter::new()
        };
        let calls: Vec<u32> = self
            .contenders
            .iter_mut()
            .map(|(_, run)| calls_in_a_slice(run))
            .collect();
        let count = self.contenders.len();
        let mut costs = vec![Vec::with_capacity(rounds); count];
        for round in 0..=rounds {
            for turn in 0..count {
                let which = (round + turn) % count;
                let cost = meter.cost(calls[which], &mut self.contenders[which].1);
                // The first round warms up.
                if round > 0 {
                    costs[which].push(cost);
                }
            }
        }
        let here = costs.iter().cloned().map(median).collect();
        self.scale(&mut costs);
        let names = self.contenders.iter().map(|(name, _)| *name);
        Outcome {
            unit: meter.unit(),
            costs: names.zip(costs).collect(),
            here,
        }
    }

    /// Scales the costs to the machine of the goals, if there is a yardstick.
    fn scale(&self, costs: &mut [Vec<f64>]) {
        let mut names = self.contenders.iter().map(|(name, _)| *name);
        let place = names.position(|name| name == YARDSTICK);
        let Some((place, nanoseconds)) = place.zip(self.yardstick) else {
            return;
        };
        let slower: Vec<f64> = costs[place].iter().map(|cost| cost / nanoseconds).collect();
        for own in costs {
            for (cost, slower) in own.iter_mut().zip(&slower) {
                *cost /= slower;
            }
        }
    }
}

const YARDSTICK: &str = "yardstick";

/// The cost of a call of each contender in each round.
pub struct Outcome {
    unit: &'static str,
    costs: Vec<(&'static str, Vec<f64>)>,
    /// The cost of a call of each contender on this machine.
    here: Vec<f64>,
}

impl Outcome {
    /// Returns `"ns"`, or `"cycles"` where they can be counted.
    pub fn unit(&self) -> &'static str {
        self.unit
    }

    /// Returns the median cost of one call, in [`unit`](Self::unit).
    pub fn cost(&self, name: &str) -> f64 {
        median(self.of(name).to_vec())
    }

    /// Returns the median cost of one call on this machine, where a [yardstick](Race::yardstick)
    /// scales the other costs.
    pub fn cost_here(&self, name: &str) -> f64 {
        let place = self.costs.iter().position(|(own, _)| *own == name);
        self.here[place.expect("a contender of this race")]
    }

    /// Returns how many times faster `ours` is than `theirs`: the median over the rounds.
    pub fn times_faster(&self, ours: &str, theirs: &str) -> f64 {
        self.combined(theirs, ours, |theirs, ours| theirs / ours)
    }

    /// Returns the extra cost of `with` over `without`: the median over the rounds, in
    /// [`unit`](Self::unit).
    pub fn added(&self, with: &str, without: &str) -> f64 {
        self.combined(with, without, |with, without| with - without)
    }

    fn combined(&self, a: &str, b: &str, f: impl Fn(f64, f64) -> f64) -> f64 {
        let pairs = self.of(a).iter().zip(self.of(b));
        median(pairs.map(|(a, b)| f(*a, *b)).collect())
    }

    fn of(&self, name: &str) -> &[f64] {
        let found = self.costs.iter().find(|(own, _)| *own == name);
        &found.expect("a contender of this race").1
    }
}

/// The direction in which a figure is good.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At least this: the floor, and the aim.
    AtLeast(f64, f64),
    /// At most this: the floor, and the aim.
    AtMost(f64, f64),
    /// Only shown.
    Shown,
}

/// Prints rows of a Markdown table, and remembers the floors that were missed.
#[derive(Default)]
pub struct Table {
    missed: Vec<String>,
}

impl Table {
    /// The first two lines of the table. `tests/speed` prints them once for all benchmarks.
    pub const HEAD: &'static str =
        "| figure | floor | aim | measured | |\n|---|---:|---:|---:|---|";

    /// Creates a table; its head is printed unless another program prints it.
    pub fn new() -> Self {
        if std::env::var_os("COUNTERSIGN_ROWS_ONLY").is_none() {
            println!("{}", Self::HEAD);
        }
        Self::default()
    }

    /// Prints one row. `unit` follows each number: `x`, ` ns`, `%`; `scale` explains the figure.
    pub fn row(&mut self, figure: &str, goal: Goal, value: f64, unit: &str, scale: &str) {
        let show = |number: f64| {
            let digits = match number.abs() {
                size if size >= 100.0 => 0,
                size if size >= 10.0 => 1,
                _ => 2,
            };
            let text = format!("{number:.digits$}");
            // A whole number needs no digits after the point.
            let text = match text.split_once('.') {
                Some((whole, rest)) if rest.bytes().all(|byte| byte == b'0') => whole.to_owned(),
                _ => text,
            };
            format!("{text}{unit}")
        };
        let (floor, aim, met) = match goal {
            Goal::AtLeast(floor, aim) => (show(floor), show(aim), value >= floor),
            Goal::AtMost(floor, aim) => (show(floor), show(aim), value <= floor),
            Goal::Shown => (String::new(), String::new(), true),
        };
        let mark = if met { "" } else { "missed; " };
        println!(
            "| {figure} | {floor} | {aim} | {} | {mark}{scale} |",
            show(value)
        );
        if !met {
            self.missed.push(figure.to_owned());
        }
    }

    /// Ends the program, with exit code 1 if a floor was missed.
    pub fn finish(self) {
        if !self.missed.is_empty() {
            eprintln!("missed: {}", self.missed.join("; "));
            std::process::exit(1);
        }
    }
}

/// Returns the median.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

#[allow(clippy::disallowed_methods)] // a benchmark looks at the real clock
fn calls_in_a_slice(run: &mut dyn FnMut(u32)) -> u32 {
    let mut calls = 1;
    loop {
        let start = std::time::Instant::now();
        run(calls);
        if start.elapsed() >= SLICE {
            return calls;
        }
        calls = calls.saturating_mul(2);
    }
}

/// Counts user-mode cycles of this thread where the kernel allows it, else its CPU time.
pub struct Meter {
    #[cfg(target_os = "linux")]
    cycles: Option<std::cell::RefCell<perf_event::Counter>>,
}

impl Meter {
    /// Creates a meter; asks the kernel once.
    pub fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            cycles: perf_event::Builder::new(perf_event::events::Hardware::CPU_CYCLES)
                .exclude_kernel(true)
                .exclude_hv(true)
                .build()
                .and_then(|mut counter| counter.enable().map(|()| counter))
                .ok()
                .map(std::cell::RefCell::new),
        }
    }

    /// Creates a meter of CPU time.
    pub fn time() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            cycles: None,
        }
    }

    /// Returns `"cycles"` or `"ns"`.
    pub fn unit(&self) -> &'static str {
        if self.count().is_some() {
            "cycles"
        } else {
            "ns"
        }
    }

    /// Returns the cost of one call, out of `calls` of them.
    #[allow(clippy::cast_precision_loss)]
    pub fn cost(&self, calls: u32, run: &mut dyn FnMut(u32)) -> f64 {
        let start = cpu_time();
        let before = self.count();
        run(calls);
        let total = match (before, self.count()) {
            (Some(before), Some(after)) => (after - before) as f64,
            _ => (cpu_time() - start).as_nanos() as f64,
        };
        total / f64::from(calls)
    }

    #[cfg(target_os = "linux")]
    fn count(&self) -> Option<u64> {
        self.cycles.as_ref()?.borrow_mut().read().ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn count(&self) -> Option<u64> {
        None
    }
}

/// Returns the time that this thread has run.
#[cfg(target_os = "linux")]
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a time after the start")
}

/// Returns the time that has passed, on systems without the CPU time of a thread.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // a benchmark looks at the real clock
pub fn cpu_time() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

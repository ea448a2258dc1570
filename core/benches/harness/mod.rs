//! What all benchmarks share: contenders that take turns, ratios, and rows of one table.
//!
//! A figure is the median over the rounds of one contender's cost divided by another's in the same
//! round, in user-mode CPU cycles where the kernel lets us count them, else in CPU time of the
//! thread, which waiting for a turn on the processor does not count in. Absolute
//! times on a shared machine mean little; they are printed to show the scale.
//!
//! Where a goal is in nanoseconds, something is measured beside whose time is known on the machine
//! on which the goal was set: see [`Race::yardstick`].

#![allow(dead_code, unreachable_pub)] // each benchmark uses a part of it

use std::{hint::black_box, time::Duration};

/// How many rounds count. One more comes before, to warm up.
pub const ROUNDS: usize = 41;
/// How long one contender runs in one round.
const SLICE: Duration = Duration::from_millis(5);

/// Contenders that take turns, in an order that rotates each round.
#[derive(Default)]
pub struct Race<'a> {
    contenders: Vec<(&'static str, Calls<'a>)>,
    in_time: bool,
    /// What the yardstick takes on the machine of the goals, in nanoseconds.
    yardstick: Option<f64>,
}

/// Makes so many calls.
type Calls<'a> = Box<dyn FnMut(u32) + 'a>;

impl<'a> Race<'a> {
    /// No contenders yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one: what it does in one call.
    pub fn add<T>(mut self, name: &'static str, mut call: impl FnMut() -> T + 'a) -> Self {
        let calls = move |calls| {
            for _ in 0..calls {
                black_box(call());
            }
        };
        self.contenders.push((name, Box::new(calls)));
        self
    }

    /// Measures CPU time, also where cycles can be counted: for a goal in nanoseconds.
    pub fn in_time(mut self) -> Self {
        self.in_time = true;
        self
    }

    /// Measures nanoseconds of the machine on which the goals were set: there, a call of this takes
    /// so many. A processor that is slower in one round is as slow for this, and does not count. It
    /// must be a processor of the same kind: one with instructions for SHA-256, if this hashes.
    pub fn yardstick<T>(self, nanoseconds: f64, call: impl FnMut() -> T + 'a) -> Self {
        let mut race = self.add(YARDSTICK, call).in_time();
        race.yardstick = Some(nanoseconds);
        race
    }

    /// Runs all rounds.
    pub fn run(self) -> Outcome {
        self.run_rounds(ROUNDS)
    }

    /// Runs this many rounds.
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

    /// Makes the costs those of the machine of the goals, if they are measured so.
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

/// What each contender's call cost in each round.
pub struct Outcome {
    unit: &'static str,
    costs: Vec<(&'static str, Vec<f64>)>,
    /// What a call of each contender cost on this machine.
    here: Vec<f64>,
}

impl Outcome {
    /// `"ns"`, or `"cycles"` where they can be counted.
    pub fn unit(&self) -> &'static str {
        self.unit
    }

    /// The median cost of one call, in [`unit`](Self::unit).
    pub fn cost(&self, name: &str) -> f64 {
        median(self.of(name).to_vec())
    }

    /// The same on this machine, where a [yardstick](Race::yardstick) says what it is on another.
    pub fn cost_here(&self, name: &str) -> f64 {
        let place = self.costs.iter().position(|(own, _)| *own == name);
        self.here[place.expect("a contender of this race")]
    }

    /// How many times faster `ours` is than `theirs`: the median over the rounds.
    pub fn times_faster(&self, ours: &str, theirs: &str) -> f64 {
        self.combined(theirs, ours, |theirs, ours| theirs / ours)
    }

    /// What `with` costs more than `without`: the median over the rounds, in [`unit`](Self::unit).
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

/// Which way a figure is good.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At least this: the floor, and the aim.
    AtLeast(f64, f64),
    /// At most this: the floor, and the aim.
    AtMost(f64, f64),
    /// Only shown.
    Shown,
}

/// Prints rows of a Markdown table, and remembers whether a floor was missed.
#[derive(Default)]
pub struct Table {
    missed: Vec<String>,
}

impl Table {
    /// The first two lines of the table. `tests/speed` prints them once for all benchmarks.
    pub const HEAD: &'static str =
        "| figure | floor | aim | measured | |\n|---|---:|---:|---:|---|";

    /// A table; its head is printed unless another program prints it.
    pub fn new() -> Self {
        if std::env::var_os("COUNTERSIGN_ROWS_ONLY").is_none() {
            println!("{}", Self::HEAD);
        }
        Self::default()
    }

    /// One row. `unit` stands behind each number: `x`, ` ns`, `%`; `scale` says what it means.
    pub fn row(&mut self, figure: &str, goal: Goal, value: f64, unit: &str, scale: &str) {
        let show = |number: f64| {
            let digits = match number.abs() {
                size if size >= 100.0 => 0,
                size if size >= 10.0 => 1,
                _ => 2,
            };
            let text = format!("{number:.digits$}");
            // A whole number needs no digits behind the point.
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

    /// Ends the program: with 1 if a floor was missed.
    pub fn finish(self) {
        if !self.missed.is_empty() {
            eprintln!("missed: {}", self.missed.join("; "));
            std::process::exit(1);
        }
    }
}

/// The middle one.
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

/// Counts user-mode cycles of this thread where it may, else its CPU time.
pub struct Meter {
    #[cfg(target_os = "linux")]
    cycles: Option<std::cell::RefCell<perf_event::Counter>>,
}

impl Meter {
    /// Asks the kernel once.
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

    /// Measures CPU time.
    pub fn time() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            cycles: None,
        }
    }

    /// `"cycles"` or `"ns"`.
    pub fn unit(&self) -> &'static str {
        if self.count().is_some() {
            "cycles"
        } else {
            "ns"
        }
    }

    /// The cost of one of so many calls.
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

/// The time that this thread has run.
#[cfg(target_os = "linux")]
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a time after the start")
}

/// The time that has passed, where that of the thread is not known.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // a benchmark looks at the real clock
pub fn cpu_time() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

//! The memory of the servers over time.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use crate::{Phase, program::Program};

/// The growth that is ignored: 10 % and 4 MiB.
const PERCENT: u64 = 10;
const KIB: u64 = 4 << 10;

/// The resident memory of each server in KiB, one sample after another.
pub(crate) struct Memory {
    samples: Vec<Vec<u64>>,
}

impl Memory {
    pub(crate) fn new(programs: usize) -> Self {
        Self {
            samples: vec![Vec::new(); programs],
        }
    }

    /// Takes samples until the time is over.
    pub(crate) fn watch(&mut self, programs: &[Program], time: Duration, phase: &Phase) {
        let end = Instant::now() + time;
        while Instant::now() < end && phase.wait(Duration::from_millis(200)) {
            for (samples, program) in self.samples.iter_mut().zip(programs) {
                samples.extend(program.resident());
            }
        }
    }

    /// Returns the cells of a table.
    pub(crate) fn row(&self, n: usize) -> String {
        let (warm, end) = self.figures(n);
        let mib = |kib: u64| kib as f64 / 1024.0;
        let growth = 100.0 * (end as f64 / warm.max(1) as f64 - 1.0);
        let (warm, end) = (mib(warm), mib(end));
        format!("{warm:.1} MiB | {end:.1} MiB | {growth:+.1} %")
    }

    /// Reports the servers that have grown. Returns true if any has.
    pub(crate) fn complain(&self, programs: &[Program]) -> bool {
        let mut told = String::new();
        for (n, program) in programs.iter().enumerate() {
            let (warm, end) = self.figures(n);
            if is_growth(warm, end) {
                let name = program.name;
                let _ = writeln!(told, "{name}: more than {PERCENT} % and 4 MiB of growth");
            }
        }
        print!("{told}");
        !told.is_empty()
    }

    /// Returns the memory after the first fifth of the time, and at its end: the minimum over a
    /// tenth of the time, because the memory of running requests comes and goes.
    fn figures(&self, n: usize) -> (u64, u64) {
        let samples = &self.samples[n];
        let (fifth, tenth) = (samples.len() / 5, samples.len() / 10);
        let least = |samples: &[u64]| samples.iter().min().copied().unwrap_or(0);
        let warm = &samples[fifth..fifth + tenth];
        (least(warm), least(&samples[samples.len() - tenth..]))
    }
}

fn is_growth(warm: u64, end: u64) -> bool {
    end > warm + warm * PERCENT / 100 + KIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_shows_and_the_memory_of_a_moment_does_not() {
        let memory = |sample: fn(u64) -> u64| Memory {
            samples: vec![(0..100).map(sample).collect()],
        };
        let grows = |memory: &Memory| {
            let (warm, end) = memory.figures(0);
            is_growth(warm, end)
        };
        assert!(!grows(&memory(|_| 20_000)));
        assert!(!grows(&memory(|n| 20_000 + 20_000 * (n % 2))));
        // Growth before the servers are warm does not count.
        assert!(!grows(&memory(|n| 1_000 * n.min(20))));
        assert!(grows(&memory(|n| 20_000 + 100 * n)));
    }
}

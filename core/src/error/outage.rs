//! An outage of a part that this process depends on, and when the log tells of it.

use std::sync::atomic::{AtomicU8, Ordering};

use super::line_limit::LineLimits;

/// Whether a part fails: a store, a signer, a check of the app's.
///
/// The log tells where an outage begins and where it ends, and nothing in between. A part that fails now and then begins and
/// ends outages all the time: those beyond the limit of lines are told neither way, unless they last.
pub(crate) struct Outage {
    state: AtomicU8,
    lines: LineLimits<1>,
}

const WELL: u8 = 0;
/// It fails, and that line was one too many.
const QUIET: u8 = 1;
/// It fails, and the log says so.
const TOLD: u8 = 2;

impl Outage {
    pub(crate) const fn new() -> Self {
        Self {
            state: AtomicU8::new(WELL),
            lines: LineLimits::new(),
        }
    }

    /// Notes a failure. `Some` if it is to be told: with the number of lines that were left out, if any.
    pub(crate) fn fails(&self) -> Option<Option<u64>> {
        if self.state.load(Ordering::Relaxed) == TOLD {
            return None;
        }
        let _ = self
            .state
            .compare_exchange(WELL, QUIET, Ordering::Relaxed, Ordering::Relaxed);
        let left_out = self.lines.admit(0)?;
        (self.state.swap(TOLD, Ordering::Relaxed) != TOLD).then_some(left_out)
    }

    /// Notes a success. Returns whether the end of an outage is to be told.
    pub(crate) fn works(&self) -> bool {
        // Almost always, and then nothing is written.
        self.state.load(Ordering::Relaxed) != WELL
            && self.state.swap(WELL, Ordering::Relaxed) == TOLD
    }

    /// Returns whether it fails, as far as is known.
    #[cfg(feature = "signer")]
    pub(crate) fn lasts(&self) -> bool {
        self.state.load(Ordering::Relaxed) != WELL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_where_it_begins_and_where_it_ends() {
        let outage = Outage::new();
        assert!(!outage.works());
        for _ in 0..3 {
            assert_eq!(outage.fails(), Some(None));
            assert_eq!(outage.fails(), None);
            assert!(outage.works());
            assert!(!outage.works());
        }
    }

    #[test]
    fn outages_beyond_the_limit_are_told_neither_way() {
        let outage = Outage::new();
        let mut told = (0, 0);
        for _ in 0..1_000 {
            told.0 += u32::from(outage.fails().is_some());
            told.1 += u32::from(outage.works());
        }
        assert_eq!(told.0, told.1);
        // Ten in a window of ten seconds, and there may be some windows.
        assert!((10..=30).contains(&told.0), "{told:?}");
    }

    #[cfg(feature = "signer")]
    #[test]
    fn an_outage_lasts_also_where_it_is_not_told() {
        let outage = Outage::new();
        for _ in 0..100 {
            assert!(!outage.lasts());
            outage.fails();
            assert!(outage.lasts());
            outage.works();
        }
    }
}

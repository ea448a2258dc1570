//! The codes of an authenticator app (RFC 6238).

use std::sync::atomic::{AtomicU64, Ordering};

use countersign::{Clock, SystemClock};
use totp_rs::{Builder, Secret, Totp};

/// The key of the demo account, in the base32 that authenticator apps take: that of RFC 6238 appendix B.
///
/// A real account has a random key of its own, which is kept as secret as a password.
pub const DEMO_KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// The authenticator app of an account: six digits by HMAC-SHA-1, new ones every 30 seconds.
///
/// A code is accepted once, and 30 seconds too early or too late (RFC 6238 section 5.2). The last accepted one
/// is known to this process only: where several nodes serve an account, it belongs in the database.
pub(crate) struct SecondFactor {
    codes: Totp,
    /// The step of the last code that was accepted; at first 0, in 1970.
    last: AtomicU64,
}

impl SecondFactor {
    /// Makes the second factor with the demo key.
    pub(crate) fn demo() -> Result<Self, String> {
        let key = Secret::try_from_base32(DEMO_KEY).map_err(|error| error.to_string())?;
        let codes = Builder::new().with_secret(key).build();
        Ok(Self {
            codes: codes.map_err(|error| error.to_string())?,
            last: AtomicU64::new(0),
        })
    }

    /// Returns the code of this second.
    pub(crate) fn code(&self, now: i64) -> String {
        self.codes.generate(now.unsigned_abs()).to_string()
    }

    /// Accepts a code, unless it or a later one has been accepted before.
    pub(crate) fn accept(&self, code: &str, now: i64) -> bool {
        let step = self.codes.check(code, now.unsigned_abs());
        step.is_some_and(|step| self.last.fetch_max(step, Ordering::Relaxed) < step)
    }
}

/// Returns the code that the demo account has now.
///
/// # Errors
///
/// One line for the operator: the key cannot be read.
pub fn demo_code() -> Result<String, String> {
    Ok(SecondFactor::demo()?.code(SystemClock.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times and codes of RFC 6238 appendix B, to their last six digits.
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    #[test]
    fn codes_are_those_of_the_rfc() {
        let factor = SecondFactor::demo().unwrap();
        for (now, code) in VECTORS {
            assert_eq!(factor.code(now), code);
            assert!(factor.accept(code, now), "{code}");
        }
    }

    #[test]
    fn a_code_is_accepted_once() {
        let factor = SecondFactor::demo().unwrap();
        assert!(factor.accept("287082", 59));
        for now in [59, 60, 89] {
            assert!(!factor.accept("287082", now), "{now}");
        }
        assert!(factor.accept(&factor.code(60), 60), "the next one");
    }

    #[test]
    fn a_code_counts_one_step_too_early_and_too_late_and_not_two() {
        const NOW: i64 = 1_234_567_890; // the first second of a step
        for (at, is_accepted) in [
            (NOW - 31, false),
            (NOW - 30, true),
            (NOW + 59, true),
            (NOW + 60, false),
        ] {
            let factor = SecondFactor::demo().unwrap();
            assert_eq!(factor.accept(&factor.code(at), NOW), is_accepted, "{at}");
        }
    }

    #[test]
    fn an_older_code_than_the_last_is_refused() {
        let factor = SecondFactor::demo().unwrap();
        assert!(factor.accept(&factor.code(90), 60));
        assert!(!factor.accept(&factor.code(60), 60));
    }

    #[test]
    fn another_text_is_no_code() {
        let factor = SecondFactor::demo().unwrap();
        for text in [
            "",
            "28708",
            "2870820",
            "+87082",
            "287 082",
            "287083",
            "\u{662}87082",
        ] {
            assert!(!factor.accept(text, 59), "{text}");
        }
    }
}

//! The decision about a presented refresh token: the whole protocol in one function.

use crate::{
    claims::Confirmation,
    session::store::{PreviousToken, StoredSession, TokenHash},
};

/// The answer to a refresh token of this session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision<'s> {
    /// The session is over.
    Expired,
    /// It was exchanged within the grace window: answer with the current token, to which these lead, the
    /// newest first and its own salt last. Empty for the current token: so many were exchanged within the
    /// window that it stays.
    Repeat(&'s [PreviousToken]),
    /// An older token of the session: somebody has a copy.
    Replayed,
    /// It is the valid one: exchange it.
    Rotate,
    /// It is good, but another client presents it.
    WrongClient,
}

/// The times that decide, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instants {
    pub(super) now: i64,
    /// When the token came. A grace window that passes while the claims are asked for, or while
    /// the store is busy, has not passed for it.
    pub(super) came: i64,
    pub(super) grace: i64,
}

impl Instants {
    /// Counts the tokens at the head of the list that were exchanged within the window: they may
    /// still get an answer.
    pub(super) fn recent(self, session: &StoredSession) -> usize {
        let came = session.time(self.came);
        let is_recent =
            |token: &PreviousToken| came.saturating_sub(token.exchanged_at) < self.grace;
        let previous = session.previous.iter();
        previous.take_while(|token| is_recent(token)).count()
    }
}

/// The client, by what it presents besides the token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Presenter<'c> {
    pub(super) binding: Option<&'c TokenHash>,
    pub(super) proven: Confirmation,
}

/// Decides by the hash of the presented token, and what the client presents besides it.
pub(super) fn decide<'s>(
    session: &'s StoredSession,
    presented: &TokenHash,
    client: Presenter<'_>,
    instants: Instants,
) -> Decision<'s> {
    let now = session.time(instants.now);
    if now >= session.expires_at || now >= session.absolute_expires_at {
        return Decision::Expired;
    }
    let recent = &session.previous[..instants.recent(session)];
    let good = if *presented == session.current {
        match recent.len() < PreviousToken::MOST {
            true => Decision::Rotate,
            false => Decision::Repeat(&[]),
        }
    } else {
        match recent.iter().position(|token| token.hash == *presented) {
            Some(at) => Decision::Repeat(&recent[..=at]),
            None => return Decision::Replayed,
        }
    };
    // A session without a binding takes any client; one with a binding takes no other.
    // The row decides what has to be proven, never what the client brings.
    let is_its_client = session.details.confirmation().is_met_by(&client.proven);
    match &session.binding {
        Some(bound) if Some(bound) != client.binding => Decision::WrongClient,
        _ if !is_its_client => Decision::WrongClient,
        _ => good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        claims::{Realm, SessionId},
        jose::Thumbprint,
        session::store::SessionDetails,
    };

    const NOW: i64 = 1_000;

    fn hash(byte: u8) -> TokenHash {
        TokenHash::from_bytes([byte; 32])
    }

    fn previous(byte: u8, exchanged_at: i64) -> PreviousToken {
        PreviousToken {
            hash: hash(byte),
            salt: hash(!byte),
            exchanged_at,
        }
    }

    /// Rotated at `NOW`: 3 is current, 2 the one before.
    fn session() -> StoredSession {
        StoredSession {
            id: SessionId::new([7; 16]),
            realm: Realm::new("test").unwrap(),
            subject: "ada".into(),
            label: None,
            binding: None,
            created_at: NOW - 100,
            last_used_at: NOW,
            expires_at: NOW + 50,
            absolute_expires_at: NOW + 500,
            tokens_until: NOW + 400,
            current: hash(3),
            previous: vec![previous(2, NOW)],
            details: SessionDetails::default(),
            data: None,
        }
    }

    fn at(now: i64) -> Instants {
        Instants {
            now,
            came: now,
            grace: 10,
        }
    }

    #[test]
    fn the_current_token_is_exchanged_until_the_session_expires() {
        let session = session();
        for now in [NOW, NOW + 49] {
            assert_eq!(
                decide(&session, &hash(3), Presenter::default(), at(now)),
                Decision::Rotate
            );
        }
        assert_eq!(
            decide(&session, &hash(3), Presenter::default(), at(NOW + 50)),
            Decision::Expired
        );
    }

    #[test]
    fn the_predecessor_is_good_for_the_grace_window_and_a_replay_after_it() {
        let session = session();
        let previous = &session.previous[..];
        for now in [NOW, NOW + 9] {
            let decision = decide(&session, &hash(2), Presenter::default(), at(now));
            assert_eq!(decision, Decision::Repeat(previous));
        }
        assert_eq!(
            decide(&session, &hash(2), Presenter::default(), at(NOW + 10)),
            Decision::Replayed
        );
    }

    #[test]
    fn the_window_is_over_for_those_who_come_later_not_for_those_who_waited() {
        let session = session();
        let previous = &session.previous[..];
        for came in [NOW - 90, NOW, NOW + 9] {
            let instants = Instants {
                came,
                ..at(NOW + 40)
            };
            let decision = decide(&session, &hash(2), Presenter::default(), instants);
            assert_eq!(decision, Decision::Repeat(previous));
        }
        let instants = Instants {
            came: NOW + 10,
            ..at(NOW + 40)
        };
        assert_eq!(
            decide(&session, &hash(2), Presenter::default(), instants),
            Decision::Replayed
        );
    }

    #[test]
    fn without_a_grace_window_the_predecessor_is_a_replay_at_once() {
        let instants = Instants {
            grace: 0,
            ..at(NOW)
        };
        assert_eq!(
            decide(&session(), &hash(2), Presenter::default(), instants),
            Decision::Replayed
        );
    }

    #[test]
    fn every_token_exchanged_within_the_window_leads_to_the_current_one() {
        let session = StoredSession {
            previous: vec![previous(2, NOW), previous(1, NOW - 3), previous(0, NOW - 9)],
            ..session()
        };
        let decide = |token, now| decide(&session, &hash(token), Presenter::default(), at(now));
        let chain = |length| Decision::Repeat(&session.previous[..length]);
        assert_eq!(decide(2, NOW), chain(1));
        assert_eq!(decide(1, NOW), chain(2));
        assert_eq!(decide(0, NOW), chain(3));
        // Each has a window of its own.
        assert_eq!(decide(0, NOW + 1), Decision::Replayed);
        assert_eq!(decide(1, NOW + 6), chain(2));
        assert_eq!(decide(1, NOW + 7), Decision::Replayed);
        assert_eq!(decide(2, NOW + 9), chain(1));
    }

    #[test]
    fn an_unknown_token_of_the_session_is_a_replay_even_within_the_window() {
        assert_eq!(
            decide(&session(), &hash(1), Presenter::default(), at(NOW)),
            Decision::Replayed
        );
    }

    #[test]
    fn a_full_chain_pauses_the_rotation_until_its_window_opens() {
        let full: Vec<_> = (0..16)
            .map(|n| previous(100 + n, NOW - i64::from(n) / 2))
            .collect();
        let session = StoredSession {
            previous: full,
            ..session()
        };
        let decide = |token, now| decide(&session, &hash(token), Presenter::default(), at(now));
        assert_eq!(decide(3, NOW + 2), Decision::Repeat(&[]));
        assert_eq!(decide(115, NOW + 2), Decision::Repeat(&session.previous));
        assert_eq!(decide(3, NOW + 3), Decision::Rotate);
        assert_eq!(decide(115, NOW + 3), Decision::Replayed);
    }

    #[test]
    fn a_clock_that_goes_back_revives_nothing_and_accuses_nobody() {
        let session = session();
        assert_eq!(
            decide(&session, &hash(3), Presenter::default(), at(NOW - 90)),
            Decision::Rotate
        );
        let expired = StoredSession {
            last_used_at: NOW + 50,
            ..session.clone()
        };
        assert_eq!(
            decide(&expired, &hash(3), Presenter::default(), at(NOW - 90)),
            Decision::Expired
        );
        let previous = &session.previous[..];
        assert_eq!(
            decide(&session, &hash(2), Presenter::default(), at(NOW - 90)),
            Decision::Repeat(previous)
        );
    }

    #[test]
    fn a_bound_session_takes_its_client_only() {
        let bound = StoredSession {
            binding: Some(hash(5)),
            ..session()
        };
        let decide = |token: u8, binding: Option<u8>| {
            let binding = binding.map(hash);
            let client = Presenter {
                binding: binding.as_ref(),
                ..Presenter::default()
            };
            decide(&bound, &hash(token), client, at(NOW)) == Decision::Rotate
        };
        assert!(decide(3, Some(5)));
        assert!(!decide(3, Some(6)));
        assert!(!decide(3, None));
    }

    #[test]
    fn a_session_that_is_bound_to_a_key_and_a_certificate_needs_both() {
        let thumbprint = |byte: u8| Thumbprint::from_bytes([byte; 32]);
        let proven = |key: u8, certificate: u8| Confirmation {
            key: (key > 0).then(|| thumbprint(key)),
            certificate: (certificate > 0).then(|| thumbprint(certificate)),
        };
        for bound_to in [(0, 0), (1, 0), (0, 2), (1, 2)] {
            let mut bound = session();
            bound.details.bind(proven(bound_to.0, bound_to.1));
            for key in 0..4 {
                for certificate in 0..4 {
                    let client = Presenter {
                        binding: None,
                        proven: proven(key, certificate),
                    };
                    let is_met = (bound_to.0 == 0 || key == bound_to.0)
                        && (bound_to.1 == 0 || certificate == bound_to.1);
                    // The current token, and the one before it within its grace window.
                    for (token, good) in [
                        (3, Decision::Rotate),
                        (2, Decision::Repeat(&bound.previous)),
                    ] {
                        let wanted = if is_met { good } else { Decision::WrongClient };
                        assert_eq!(decide(&bound, &hash(token), client, at(NOW)), wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn an_old_token_of_a_bound_session_is_a_replay_from_any_client() {
        let bound = StoredSession {
            binding: Some(hash(5)),
            ..session()
        };
        assert_eq!(
            decide(&bound, &hash(2), Presenter::default(), at(NOW)),
            Decision::WrongClient
        );
        assert_eq!(
            decide(&bound, &hash(1), Presenter::default(), at(NOW)),
            Decision::Replayed
        );
    }
}

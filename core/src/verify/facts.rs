//! The facts about a token that the rules look at, and how they are shown.

use super::rules::VerifierSettings;
use crate::{
    claims::{ClaimSlot, RegisteredClaims, TextRange},
    error::{LONGEST, cut, quoted},
    jose::Header,
    revocation::TokenNames,
};

/// The facts about a token that the rules look at.
pub(super) struct Facts<'t> {
    pub(super) header: &'t Header,
    pub(super) payload: &'t str,
    pub(super) claims: &'t RegisteredClaims,
    pub(super) now: i64,
}

impl<'t> Facts<'t> {
    pub(super) fn issuer(&self) -> Option<&'t str> {
        self.text(self.claims.issuer)
    }

    pub(super) fn named(&self) -> TokenNames<'t> {
        TokenNames {
            id: self.text(self.claims.id),
            session: self.text(self.claims.session_id),
            realm: self.issuer(),
            subject: self.text(self.claims.subject),
            issued_at: self.claims.issued_at,
        }
    }

    pub(super) fn text(&self, claim: Option<TextRange>) -> Option<&'t str> {
        Some(self.claims.get(claim?, self.payload))
    }

    /// Lists the required claims that are absent.
    pub(super) fn missing(&self, settings: &'t VerifierSettings) -> impl Iterator<Item = &'t str> {
        let bits = self.claims.missing;
        let names = (0..u64::BITS).zip(&settings.claims.spec.claims);
        names
            .filter(move |(at, _)| bits >> at & 1 == 1)
            .map(|(_, name)| &**name)
    }

    /// Lists the texts of a claim, for people.
    pub(super) fn list(&self, slot: ClaimSlot) -> String {
        let Some(texts) = self.claims.texts(slot) else {
            return "absent".to_owned();
        };
        if !slot.is_shown() {
            return "a text".to_owned();
        }
        let all = texts
            .iter()
            .take(LONGEST)
            .map(|one| quoted(self.text(Some(*one))));
        match self.claims.text(slot) {
            Some(one) => quoted(self.text(Some(one))),
            None => cut(format!("[{}]", all.collect::<Vec<_>>().join(", "))),
        }
    }

    pub(super) fn lifetime(&self) -> Option<i64> {
        let start = self
            .claims
            .issued_at
            .or(self.claims.not_before)
            .unwrap_or(self.now);
        Some(self.claims.expires_at?.saturating_sub(start))
    }

    pub(super) fn age(&self) -> Option<i64> {
        Some(self.now.saturating_sub(self.claims.issued_at?))
    }
}

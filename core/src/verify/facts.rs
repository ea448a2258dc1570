//! The facts about a token that the rules look at, and how they are shown.

use super::{describe::presence, settings::VerifierSettings};
use crate::{
    claims::{ClaimSlot, RegisteredClaims},
    error::{LONGEST, cut, quoted},
    jose::HeaderView,
    revocation::TokenNames,
};

/// The facts about a token that the rules look at.
pub(super) struct Facts<'t> {
    pub(super) header: &'t HeaderView<'t>,
    /// For rules about further members. Empty for a token from a cache, to which such rules are not applied again.
    pub(super) encoded_header: &'t str,
    pub(super) payload: &'t str,
    pub(super) claims: &'t RegisteredClaims,
    pub(super) now: i64,
    /// Set if the caller checks `cnf` itself.
    pub(super) checks_confirmation: bool,
}

impl<'t> Facts<'t> {
    pub(super) fn issuer(&self) -> Option<&'t str> {
        self.text(ClaimSlot::ISSUER)
    }

    pub(super) fn named(&self) -> TokenNames<'t> {
        TokenNames {
            id: self.text(ClaimSlot::ID),
            session: self.text(ClaimSlot::SESSION_ID),
            realm: self.issuer(),
            subject: self.text(ClaimSlot::SUBJECT),
            issued_at: self.claims.date(ClaimSlot::ISSUED_AT),
        }
    }

    pub(super) fn text(&self, slot: ClaimSlot) -> Option<&'t str> {
        self.claims.text(slot, self.payload)
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
        let Some(texts) = self.claims.texts(slot, self.payload) else {
            return presence(self.claims.has(slot)).to_owned();
        };
        if !slot.is_shown() {
            return "a text".to_owned();
        }
        let all = texts.take(LONGEST).map(|one| quoted(Some(one)));
        match self.text(slot) {
            Some(one) => quoted(Some(one)),
            None => cut(format!("[{}]", all.collect::<Vec<_>>().join(", "))),
        }
    }

    pub(super) fn lifetime(&self) -> Option<i64> {
        let issued_at = self.claims.date(ClaimSlot::ISSUED_AT);
        let start = issued_at.or(self.claims.date(ClaimSlot::NOT_BEFORE));
        let expires_at = self.claims.date(ClaimSlot::EXPIRES_AT)?;
        Some(expires_at.saturating_sub(start.unwrap_or(self.now)))
    }

    pub(super) fn age(&self) -> Option<i64> {
        let issued_at = self.claims.date(ClaimSlot::ISSUED_AT)?;
        Some(self.now.saturating_sub(issued_at))
    }
}

//! What the settings want to know of a payload beside the registered claims.

use super::recorder::{Claim, Date};

/// The claims that the settings name. They are read in the one pass over the payload.
#[derive(Clone, Debug)]
pub(crate) struct ClaimSpec {
    /// Claims that must be there, whatever they hold.
    pub(crate) claims: Vec<Box<str>>,
    texts: Vec<TextSpec>,
}

/// A claim that is no registered one, and holds one text or several.
#[derive(Clone, Debug)]
pub(super) struct TextSpec {
    pub(super) name: Box<str>,
    /// Whether the texts are scopes, which have an alphabet (RFC 6749 section 3.3).
    pub(super) scopes: bool,
}

/// Where a claim of texts is, once it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimSlot {
    Acr,
    Audience,
    ClientId,
    Id,
    Issuer,
    /// The wanted text with this index. A small number: the place of a claim is handed on with each member.
    Other(u16),
    Scope,
    SessionId,
    Subject,
}

impl ClaimSpec {
    /// Nothing but the registered claims.
    pub(crate) const NOTHING: Self = Self::new(Vec::new());

    /// These claims must be there.
    pub(crate) const fn new(claims: Vec<Box<str>>) -> Self {
        Self {
            claims,
            texts: Vec::new(),
        }
    }

    /// The claims that must be there, as bits in their order.
    pub(super) fn all_claims(&self) -> u64 {
        // The builder lets no more than 64 through.
        let count = u32::try_from(self.claims.len()).unwrap_or(u64::BITS);
        let others = u64::BITS.saturating_sub(count);
        u64::MAX.checked_shr(others).unwrap_or(0)
    }

    /// What the member of this name is, if it is a claim of a certain form.
    #[inline]
    pub(super) fn form_of(&self, name: &str) -> Option<Claim> {
        // As bytes, which are compared without a call.
        let claim = match name.as_bytes() {
            b"acr" => Claim::Slot(ClaimSlot::Acr),
            b"aud" => Claim::Slot(ClaimSlot::Audience),
            b"auth_time" => Claim::Date(Date::AuthTime),
            b"client_id" => Claim::Slot(ClaimSlot::ClientId),
            b"cnf" => Claim::Confirmation,
            b"exp" => Claim::Date(Date::Expiry),
            b"iat" => Claim::Date(Date::IssuedAt),
            b"iss" => Claim::Slot(ClaimSlot::Issuer),
            b"jti" => Claim::Slot(ClaimSlot::Id),
            b"nbf" => Claim::Date(Date::NotBefore),
            b"scope" => Claim::Slot(ClaimSlot::Scope),
            b"sid" => Claim::Slot(ClaimSlot::SessionId),
            b"sub" => Claim::Slot(ClaimSlot::Subject),
            _ => {
                let mut texts = (0..).zip(&self.texts);
                let (index, _) = texts.find(|(_, wanted)| *wanted.name == *name)?;
                Claim::Slot(ClaimSlot::Other(index))
            }
        };
        Some(claim)
    }

    /// Has a claim read as one text or several; `None` when a registered one holds no text,
    /// or when there are very many.
    pub(crate) fn text(&mut self, name: &str) -> Option<ClaimSlot> {
        Some(match name {
            "acr" => ClaimSlot::Acr,
            "aud" => ClaimSlot::Audience,
            "auth_time" | "cnf" | "exp" | "iat" | "nbf" => return None,
            "client_id" => ClaimSlot::ClientId,
            "iss" => ClaimSlot::Issuer,
            "jti" => ClaimSlot::Id,
            "scope" => ClaimSlot::Scope,
            "sid" => ClaimSlot::SessionId,
            "sub" => ClaimSlot::Subject,
            _ => ClaimSlot::Other(self.other(name)?),
        })
    }

    /// Has a claim read as scopes; `None` when it is a registered one for something else.
    pub(crate) fn scopes(&mut self, name: &str) -> Option<ClaimSlot> {
        let place = self.text(name)?;
        match place {
            ClaimSlot::Other(index) => self.texts[usize::from(index)].scopes = true,
            ClaimSlot::Scope => {}
            _ => return None,
        }
        Some(place)
    }

    pub(super) fn texts(&self) -> &[TextSpec] {
        &self.texts
    }

    fn other(&mut self, name: &str) -> Option<u16> {
        let known = self.texts.iter().position(|text| *text.name == *name);
        let index = u16::try_from(known.unwrap_or(self.texts.len())).ok()?;
        if known.is_none() {
            self.texts.push(TextSpec {
                name: name.into(),
                scopes: false,
            });
        }
        Some(index)
    }
}

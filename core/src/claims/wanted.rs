//! What the settings want to know of a payload beside the registered claims.

/// The claims that the settings name. They are read in the one pass over the payload.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Claims that must be there, whatever they hold.
    pub(crate) claims: Vec<Box<str>>,
    texts: Vec<WantedText>,
}

/// A claim that is no registered one, and holds one text or several.
#[derive(Clone, Debug)]
pub(super) struct WantedText {
    pub(super) name: Box<str>,
    /// Whether the texts are scopes, which have an alphabet (RFC 6749 section 3.3).
    pub(super) scopes: bool,
}

/// Where a claim of texts is, once it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
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

impl Wanted {
    /// Nothing but the registered claims.
    pub(crate) const NOTHING: Self = Self::new(Vec::new());

    /// These claims must be there.
    pub(crate) const fn new(claims: Vec<Box<str>>) -> Self {
        Self {
            claims,
            texts: Vec::new(),
        }
    }

    /// Has a claim read as one text or several; `None` when a registered one holds no text,
    /// or when there are very many.
    pub(crate) fn text(&mut self, name: &str) -> Option<Place> {
        Some(match name {
            "acr" => Place::Acr,
            "aud" => Place::Audience,
            "auth_time" | "cnf" | "exp" | "iat" | "nbf" => return None,
            "client_id" => Place::ClientId,
            "iss" => Place::Issuer,
            "jti" => Place::Id,
            "scope" => Place::Scope,
            "sid" => Place::SessionId,
            "sub" => Place::Subject,
            _ => Place::Other(self.other(name)?),
        })
    }

    /// Has a claim read as scopes; `None` when it is a registered one for something else.
    pub(crate) fn scopes(&mut self, name: &str) -> Option<Place> {
        let place = self.text(name)?;
        match place {
            Place::Other(index) => self.texts[usize::from(index)].scopes = true,
            Place::Scope => {}
            _ => return None,
        }
        Some(place)
    }

    pub(super) fn texts(&self) -> &[WantedText] {
        &self.texts
    }

    fn other(&mut self, name: &str) -> Option<u16> {
        let known = self.texts.iter().position(|text| *text.name == *name);
        let index = u16::try_from(known.unwrap_or(self.texts.len())).ok()?;
        if known.is_none() {
            self.texts.push(WantedText {
                name: name.into(),
                scopes: false,
            });
        }
        Some(index)
    }
}

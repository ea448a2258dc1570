//! The actor of a token (`act`): who acts for its subject.

use std::{fmt, iter, mem};

use serde_json::{Map, Value};

use crate::{
    claims::{ClaimSlot, VerifiedToken},
    error::{AuthError, AuthErrorKind},
    jose::member,
};

/// A party that acts for the subject of a token (`act`, RFC 8693 section 4.1): a service, an agent, a member of the
/// support staff.
///
/// [`VerifiedToken::actor`](crate::VerifiedToken::actor) reads it, [`Issuer::issue_on_behalf`](crate::Issuer::issue_on_behalf)
/// writes it, and [`Policy::actor`](crate::Policy::actor) decides by it.
///
/// Actors that acted before are its [history](Self::history). They grant nothing: no policy looks at them. `Debug` shows no
/// name.
///
/// # Examples
///
/// ```
/// use countersign::{Issuer, Policy, SigningKey, claims::Actor};
/// use serde_json::json;
///
/// let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256()?)
///     .audience("orders")
///     .build()?;
/// let text = issuer.issue_on_behalf(&json!({"sub": "ada"}), &Actor::new("assistant"))?;
///
/// let token = issuer.verifier().verify_now(text.as_str())?;
/// assert_eq!(token.subject(), Some("ada"));
/// assert_eq!(token.actor()?.unwrap().subject(), "assistant");
/// assert!(Policy::actor("assistant").check(&token).is_ok());
/// assert!(Policy::direct().check(&token).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    subject: String,
    issuer: Option<String>,
    client_id: Option<String>,
    /// The latest first, each without a history of its own.
    earlier: Vec<Actor>,
}

impl Actor {
    /// The most actors of a token, with those of the history: 8.
    pub const MAX_CHAIN: usize = 8;

    pub(crate) const FORM: &str =
        "an object whose `sub` is a text, as in each `act` inside of it, and at most 8 of them";

    /// Makes an actor of the issuer that writes the token.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            client_id: None,
            earlier: Vec::new(),
        }
    }

    /// Sets the issuer that gave the actor its name (`iss`). Default: the one that writes the token.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Sets the OAuth client of the actor (`client_id`). Default: none.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Puts `previous`, and its history, into the history: the actor of the token that this one was given in exchange for.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{AuthError, VerifiedToken};
    /// use countersign::claims::Actor;
    ///
    /// /// The actor of the token that `agent` gets for `incoming`.
    /// fn acting(agent: &str, incoming: &VerifiedToken) -> Result<Actor, AuthError> {
    ///     let actor = Actor::new(agent);
    ///     Ok(match incoming.actor()? {
    ///         Some(previous) => actor.after(previous),
    ///         None => actor,
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn after(mut self, mut previous: Self) -> Self {
        let history = mem::take(&mut previous.earlier);
        self.earlier = iter::once(previous).chain(history).collect();
        self
    }

    /// Returns the name of the actor (`sub`), unique within its issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the issuer that gave the actor its name: its own `iss`, else that of the token. `None` if neither has one, or
    /// if the actor is not from a token and none was set.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns the OAuth client of the actor (`client_id`), if the token names it.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Returns the actors that acted before, the latest first.
    ///
    /// For an audit log. RFC 8693 section 4.1 forbids to decide access by them, and their own histories are empty.
    pub fn history(&self) -> impl Iterator<Item = &Self> {
        self.earlier.iter()
    }

    /// Reads the `act` of a payload that is strict JSON. An actor without `iss` is of the token's issuer.
    pub(crate) fn read(payload: &str, issuer: Option<&str>) -> Result<Self, UnreadableActor> {
        let value = member::<Value>(payload, "act").map_err(|_| UnreadableActor)?;
        let mut value = value.ok_or(UnreadableActor)?;
        let mut all = Vec::new();
        loop {
            let Value::Object(mut members) = value else {
                return Err(UnreadableActor);
            };
            if all.len() == Self::MAX_CHAIN {
                return Err(UnreadableActor);
            }
            let subject = text(&mut members, "sub")?.ok_or(UnreadableActor)?;
            let own_issuer = text(&mut members, "iss")?;
            all.push(Self {
                subject,
                issuer: own_issuer.or_else(|| issuer.map(str::to_owned)),
                client_id: text(&mut members, "client_id")?,
                earlier: Vec::new(),
            });
            match members.remove("act") {
                Some(inner) => value = inner,
                None => break,
            }
        }
        let earlier = all.split_off(1);
        let actor = all.pop().ok_or(UnreadableActor)?;
        Ok(Self { earlier, ..actor })
    }

    /// Returns the claim `act` as a token of `issuer` has it; `None` if no verifier could read it.
    pub(crate) fn claim(&self, issuer: &str) -> Option<Value> {
        if self.earlier.len() >= Self::MAX_CHAIN {
            return None;
        }
        let all = iter::once(self).chain(self.history());
        let mut claim = None;
        for actor in all.collect::<Vec<_>>().into_iter().rev() {
            let own_issuer = actor.issuer().filter(|own| *own != issuer);
            let texts = [
                ("sub", Some(actor.subject())),
                ("iss", own_issuer),
                ("client_id", actor.client_id()),
            ];
            let mut members = Map::new();
            for (name, text) in texts {
                match text {
                    Some("") => return None,
                    Some(text) => drop(members.insert(name.to_owned(), text.into())),
                    None => {}
                }
            }
            if let Some(inner) = claim {
                members.insert("act".to_owned(), inner);
            }
            claim = Some(Value::Object(members));
        }
        claim
    }

    /// Returns the actor for the log: its issuer too, unless that is the token's.
    pub(crate) fn label(&self, issuer: Option<&str>) -> String {
        match self.issuer() {
            Some(own) if Some(own) != issuer => format!("{} ({own})", self.subject()),
            _ => self.subject().to_owned(),
        }
    }
}

impl VerifiedToken {
    /// The actor: who acts for the subject (`act`, RFC 8693 section 4.1). `None` if the subject acts itself.
    ///
    /// Its [history](Actor::history) grants nothing. To decide who gets in, use [`Policy::actor`](crate::Policy::actor) or
    /// [`Policy::direct`](crate::Policy::direct). `may_act` names no actor: it says who could become one.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::InvalidClaim`] (401) when there is an `act` that nobody can read: no object, without a `sub` that is a
    /// text, or more than [`MAX_CHAIN`](Actor::MAX_CHAIN) in one another. It is not taken for absent.
    pub fn actor(&self) -> Result<Option<Actor>, AuthError> {
        self.read_actor().map_err(|unreadable| {
            let error = self.refuse(AuthErrorKind::InvalidClaim);
            error.with_source(unreadable)
        })
    }

    /// Reads the actor for a policy, or for the log.
    pub(crate) fn read_actor(&self) -> Result<Option<Actor>, UnreadableActor> {
        if !self.has_actor() {
            return Ok(None);
        }
        match self.is_unreadable(ClaimSlot::ACTOR) {
            false => Actor::read(self.payload(), self.issuer()).map(Some),
            true => Err(UnreadableActor),
        }
    }

    /// Returns whether the token has an `act`, readable or not.
    pub(crate) fn has_actor(&self) -> bool {
        self.has(ClaimSlot::ACTOR)
    }
}

// By hand: an actor may be a person.
impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").finish_non_exhaustive()
    }
}

/// A claim `act` has another form.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the claim `act` is not {}", Actor::FORM)]
pub(crate) struct UnreadableActor;

/// Takes a text that is not empty, if there is one.
fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, UnreadableActor> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(UnreadableActor),
    }
}

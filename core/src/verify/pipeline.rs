//! The checks of a token, in their order.

use std::sync::Arc;

use super::{
    facts::Facts, header_cache::Recalled, rules::RULES, timing::StageTimer, verifier::Verifier,
    wrong,
};
use crate::{
    claims::{ClaimSpec, RegisteredClaims, Unreadable},
    error::AuthError,
    jose::{Buffer, Compact, Header, HeaderBuffer, HeaderView, json},
    keys::KeySetId,
};

/// Memory that one token is taken apart in: what is large is written here, and not moved.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) header: Option<HeaderBuffer>,
    pub(super) payload: Option<Buffer<PAYLOAD>>,
    pub(super) claims: Option<RegisteredClaims>,
}

/// Bytes of a payload that are decoded on the stack. Larger payloads take a vector.
pub(crate) const PAYLOAD: usize = 1 << 10;

/// A token in its three parts, and the time since its verification began.
pub(super) struct Split<'t> {
    token: Compact<'t>,
    timer: StageTimer,
}

/// A token that passed all checks, before anything of it is kept.
pub(super) struct Accepted<'s, P> {
    pub(super) header: Arc<Header>,
    pub(super) payload: &'s str,
    /// May be taken.
    pub(super) claims: &'s mut RegisteredClaims,
    /// The result of `read`.
    pub(super) parsed: P,
    /// The keys that verified it. Others may have replaced them since.
    pub(super) keys: KeySetId,
}

impl Verifier {
    /// Runs all checks; the first that fails refuses the token. `read` reads a payload that is signed.
    /// Only a caller that checks `cnf` itself is given a bound token.
    ///
    /// [`explain`](Self::explain) runs the same stages, and goes on after a refusal.
    pub(super) fn run<'s, P>(
        &self,
        split: Split<'_>,
        scratch: &'s mut Scratch,
        checks_confirmation: bool,
        read: impl FnOnce(&mut RegisteredClaims, &str, &ClaimSpec) -> Result<P, Unreadable>,
    ) -> Result<Accepted<'s, P>, AuthError> {
        let Scratch {
            header: header_buffer,
            payload: payload_buffer,
            claims,
        } = scratch;

        let Split {
            mut token,
            mut timer,
        } = split;
        self.remove_padding(&mut token)?;
        let known = self.headers().recall(token.header);
        let header = &self.read_header(&token, &known, header_buffer)?;

        timer.next("signature");
        let signed = self
            .check_signature(&token, header, payload_buffer)
            .map_err(|unsigned| unsigned.into_error(header))?;

        timer.next("payload");
        let payload = payload_text(signed.payload())?;
        let spec = &self.settings().claims.spec;
        let claims = claims.insert(RegisteredClaims::default());
        let parsed = read(claims, payload, spec)
            .map_err(|unreadable| unreadable.into_error(payload, spec))?;
        signed.note_weakness(&mut claims.needed);

        timer.next("claims");
        self.check_rules(&Facts {
            checks_confirmation,
            ..self.facts(token.header, header, payload, claims)
        })?;
        self.settings().count_tolerated(claims);

        Ok(Accepted {
            header: match known.header() {
                Some(known) => Arc::clone(known),
                None => self.headers().remember(token.header, header),
            },
            payload,
            claims,
            parsed,
            keys: signed.keys(),
        })
    }

    /// Begins a verification. What is no token at all ends here, before there is a [`Scratch`].
    pub(super) fn begin<'t>(&self, text: &'t str) -> Result<Split<'t>, AuthError> {
        let timer = StageTimer::start("header");
        let token = self.split_as_it_is(text)?;
        Ok(Split { token, timer })
    }

    /// Splits a token into its three parts, without padding where this verifier reads it.
    pub(super) fn split<'t>(&self, text: &'t str) -> Result<Compact<'t>, AuthError> {
        let mut token = self.split_as_it_is(text)?;
        self.remove_padding(&mut token)?;
        Ok(token)
    }

    fn split_as_it_is<'t>(&self, text: &'t str) -> Result<Compact<'t>, AuthError> {
        let limit = self.max_token_bytes();
        Compact::parse(text, limit)
            .map_err(|kind| AuthError::from(kind).about(|| wrong::form(kind, text, limit)))
    }

    /// Removes the padding of the three parts, if this verifier reads it.
    #[inline]
    fn remove_padding(&self, token: &mut Compact<'_>) -> Result<(), AuthError> {
        if self.reads_padding() {
            *token = token.unpadded().ok_or_else(wrong::padding)?;
        }
        Ok(())
    }

    /// Reads the header of a token, unless it is known.
    #[inline]
    pub(super) fn read_header<'h>(
        &self,
        token: &Compact<'_>,
        known: &'h Recalled,
        buffer: &'h mut Option<HeaderBuffer>,
    ) -> Result<HeaderView<'h>, AuthError> {
        if let Some(known) = known.header() {
            return Ok(known.view());
        }
        HeaderView::parse(token.header, buffer.insert(HeaderBuffer::new()))
            .map_err(|kind| AuthError::from(kind).about(|| wrong::header(kind, token.header)))
    }

    /// Gathers what the rules look at.
    pub(super) fn facts<'t>(
        &self,
        encoded_header: &'t str,
        header: &'t HeaderView<'t>,
        payload: &'t str,
        claims: &'t RegisteredClaims,
    ) -> Facts<'t> {
        Facts {
            header,
            encoded_header,
            payload,
            claims,
            now: self.now(),
            checks_confirmation: false,
        }
    }

    fn check_rules(&self, facts: &Facts<'_>) -> Result<(), AuthError> {
        let settings = self.settings();
        // Two loops: this is the hot path.
        for rules in [settings.own_rules(), RULES] {
            for rule in rules {
                if let Err(refused) = (rule.check)(settings, facts) {
                    return Err(AuthError::from(refused).about(|| rule.compare(settings, facts)));
                }
            }
        }
        Ok(())
    }
}

/// Decodes a payload that nothing has verified: to explain a refusal, or to spare a fetch of keys.
pub(super) fn decode_unverified<'b>(
    token: &Compact<'_>,
    buffer: &'b mut Option<Buffer<PAYLOAD>>,
) -> Result<&'b str, AuthError> {
    let decoded = buffer.insert(Buffer::new()).decode(token.payload);
    payload_text(decoded.ok_or_else(wrong::encoding)?)
}

fn payload_text(payload: &[u8]) -> Result<&str, AuthError> {
    json::text(payload).ok_or_else(wrong::encoding)
}

//! All checks of a token, in their order.

use std::sync::Arc;

use super::{
    explain::{Observer, Step},
    refused::Refused,
    rules::{Facts, RULES},
    verifier::Verifier,
    wrong,
};
use crate::{
    claims::{ClaimSpec, RegisteredClaims, Unreadable},
    error::{AuthError, AuthErrorKind, Mismatch},
    jose::{Buffer, Compact, Header, HeaderBuffer, HeaderView, json},
    keys::KeySetId,
};

impl Verifier {
    /// The one way through all checks. Silent, it stops at the first refusal; explaining, it goes
    /// on as far as there is something to look at, and still reports the first.
    pub(super) fn run<L: Observer, P, O>(
        &self,
        token: &str,
        log: &mut L,
        read: impl FnOnce(&mut RegisteredClaims, &str, &ClaimSpec) -> Result<P, Unreadable>,
        accept: impl FnOnce(Accepted<'_, P>) -> O,
    ) -> Result<O, AuthError> {
        let mut refusal = None;
        let mut refuse = |error: AuthError| {
            if L::EVERY_CHECK {
                refusal.get_or_insert(error);
                Ok(())
            } else {
                Err(error)
            }
        };

        let limit = self.max_token_bytes();
        let compact = Compact::parse(token, limit).map_err(|kind| {
            let wrong = || wrong::form(kind, token, limit);
            log.failed(&Step::FORMAT, kind, wrong);
            explained::<L>(kind.into(), wrong)
        })?;
        log.passed(&Step::FORMAT, || format!("{} bytes", token.len()));

        let known = self.memos().recall(compact.header);
        // Borrowed until the token is known to be good, so that an early refusal costs no allocation.
        let mut buffer = None;
        let header = match &known {
            Some(known) => Ok(known.view()),
            None => HeaderView::parse(compact.header, buffer.insert(HeaderBuffer::new())),
        };
        let header = &header.map_err(|kind| {
            let wrong = || wrong::header(kind, compact.header);
            log.failed(&Step::HEADER, kind, wrong);
            explained::<L>(kind.into(), wrong)
        })?;
        log.passed(&Step::HEADER, || wrong::found_in(header));

        // Made where it is needed: that costs as much as reading a header.
        let mut buffer = None;
        let mut room = Some(&mut buffer);
        let mut payload = None;
        let mut keys = None;
        if L::SIGNATURE {
            // Before anything is computed over it, for that finds every byte out of the alphabet.
            let decode_payload = || {
                payload = room.take().and_then(|room| decode(room, compact.payload));
                payload.is_some()
            };
            let signature = self.check_signature(header, &compact, decode_payload);
            match signature {
                Ok(by) => {
                    // Without a verdict, the step below says why.
                    if by.is_some() {
                        log.passed(&Step::SIGNATURE, || wrong::found_in(header));
                    }
                    keys = by;
                }
                Err(refused) => {
                    let kind = refused.kind();
                    let wrong = || wrong::signature(kind, header);
                    log.failed(&Step::SIGNATURE, kind, wrong);
                    refuse(explained::<L>(refused.into(), wrong))?;
                }
            }
        }
        if let Some(room) = room {
            payload = decode(room, compact.payload);
        }

        let mut claims = RegisteredClaims::default();
        let Some(payload) = payload.and_then(json::text) else {
            let kind = AuthErrorKind::MalformedToken;
            log.failed(&Step::PAYLOAD, kind, wrong::encoding);
            let error = explained::<L>(kind.into(), wrong::encoding);
            return Err(refusal.unwrap_or(error));
        };
        let wanted = &self.settings().places.wanted;
        let parsed = match read(&mut claims, payload, wanted) {
            Ok(parsed) => parsed,
            Err(unreadable) => {
                log.unreadable(unreadable, payload, self.settings(), header, self.now());
                let wrong = || unreadable.mismatch(payload, wanted);
                let error = explained::<L>(unreadable.kind().into(), wrong);
                return Err(refusal.unwrap_or(error));
            }
        };
        log.passed(&Step::PAYLOAD, || "one JSON object".to_owned());

        let facts = Facts {
            header,
            payload,
            claims: &claims,
            now: self.now(),
        };
        for rule in RULES {
            let result = (rule.check)(self.settings(), &facts);
            let failed = result.as_ref().err().map(Refused::kind);
            log.rule(rule, self.settings(), &facts, failed);
            if let Err(refused) = result {
                let wrong = || rule.compare(self.settings(), &facts);
                refuse(explained::<L>(refused.into(), wrong))?;
            }
        }
        if let Some(error) = refusal {
            return Err(error);
        }
        // Every way here goes by a key that verified it; another one would stop here.
        if L::SIGNATURE && keys.is_none() {
            return Err(AuthErrorKind::BadSignature.into());
        }
        let header = match &known {
            Some(known) => Arc::clone(known),
            None => {
                let new = Arc::new(Header::from(header));
                if L::SIGNATURE {
                    self.memos().remember(compact.header, &new);
                }
                new
            }
        };
        Ok(accept(Accepted {
            header,
            payload,
            claims: &mut claims,
            parsed,
            keys,
        }))
    }
}

/// The error with what was wrong; without it where somebody listens to each check.
fn explained<L: Observer>(error: AuthError, wrong: impl FnOnce() -> Mismatch) -> AuthError {
    if L::EVERY_CHECK {
        return error;
    }
    error.about(wrong)
}

fn decode<'b>(room: &'b mut Option<Buffer<PAYLOAD>>, encoded: &str) -> Option<&'b [u8]> {
    room.insert(Buffer::new()).decode(encoded)
}

/// What passed all checks, before anything of it is kept.
pub(super) struct Accepted<'t, P> {
    pub(super) header: Arc<Header>,
    pub(super) payload: &'t str,
    /// The accepting side may take them; they are not moved here, for they are large.
    pub(super) claims: &'t mut RegisteredClaims,
    pub(super) parsed: P,
    /// Those that verified it. By now, others may have taken their place.
    pub(super) keys: Option<KeySetId>,
}

/// Bytes of a payload that are decoded on the stack: most of them. Larger ones take a vector.
pub(crate) const PAYLOAD: usize = 1 << 10;

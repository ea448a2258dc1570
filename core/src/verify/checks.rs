//! All checks of a token, in their order.

use std::sync::Arc;

use crate::{
    claims::{Registered, Wanted},
    error::{AuthError, AuthErrorKind},
    jose::{Compact, Header, base64url::Buffer, json},
    keys::KeySetId,
    verify::{
        Verifier,
        explain::Log,
        rules::{Facts, RULES},
        signature::Unsigned,
    },
};

impl Verifier {
    /// The one way through all checks. Silent, it stops at the first refusal; explaining, it goes
    /// on as far as there is something to look at, and still reports the first.
    pub(super) fn run<L: Log, P, O>(
        &self,
        token: &str,
        log: &mut L,
        read: impl FnOnce(&mut Registered, &str, &Wanted) -> Result<P, AuthErrorKind>,
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

        let compact = Compact::parse(token, self.max_token_bytes());
        log.step("format", || format!("{} bytes", token.len()), compact.err());
        let compact = compact?;

        let known = self.memos().recall(compact.header);
        // Not shared before it is known to be good, so that a token that is refused early costs no
        // allocation; nor moved.
        let mut new = None;
        let header = match &known {
            Some(known) => Ok(&**known),
            None => Header::parse_into(compact.header, &mut new),
        };
        log.step("header", || "a JOSE header".into(), header.err());
        let header = header?;

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
            // Without a verdict, the step below says why.
            if !matches!(signature, Ok(None)) {
                log.signature(header, signature.as_ref().err().map(Unsigned::kind));
            }
            match signature {
                Ok(by) => keys = by,
                Err(unsigned) => refuse(unsigned.into())?,
            }
        }
        if let Some(room) = room {
            payload = decode(room, compact.payload);
        }

        let mut claims = Registered::default();
        let content = payload
            .and_then(json::text)
            .ok_or(AuthErrorKind::MalformedToken)
            .and_then(|payload| {
                let parsed = read(&mut claims, payload, &self.settings().places.wanted)?;
                Ok((payload, parsed))
            });
        let failed = content.as_ref().err().copied();
        log.step("payload", || "one JSON object".into(), failed);
        let (payload, parsed) = match content {
            Ok(content) => content,
            Err(kind) => return Err(refusal.unwrap_or_else(|| kind.into())),
        };

        let facts = Facts {
            header,
            payload,
            claims: &claims,
            now: self.now(),
        };
        for rule in RULES {
            let result = (rule.check)(self.settings(), &facts);
            let failed = result.as_ref().err().map(AuthError::kind);
            log.rule(rule, self.settings(), &facts, failed);
            if let Err(error) = result {
                refuse(error)?;
            }
        }
        if let Some(error) = refusal {
            return Err(error);
        }
        // Every way here goes by a key that verified it; another one would stop here.
        if L::SIGNATURE && keys.is_none() {
            return Err(AuthErrorKind::BadSignature.into());
        }
        let header = match (known, new) {
            (Some(known), _) => known,
            (None, Some(new)) => {
                let new = Arc::new(new);
                if L::SIGNATURE {
                    self.memos().remember(compact.header, &new);
                }
                new
            }
            (None, None) => return Err(AuthErrorKind::MalformedToken.into()),
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

fn decode<'b>(room: &'b mut Option<Buffer<PAYLOAD>>, encoded: &str) -> Option<&'b [u8]> {
    room.insert(Buffer::new()).decode(encoded)
}

/// What passed all checks, before anything of it is kept.
pub(super) struct Accepted<'t, P> {
    pub(super) header: Arc<Header>,
    pub(super) payload: &'t str,
    /// The accepting side may take them; they are not moved here, for they are large.
    pub(super) claims: &'t mut Registered,
    pub(super) parsed: P,
    /// Those that verified it. By now, others may have taken their place.
    pub(super) keys: Option<KeySetId>,
}

/// Bytes of a payload that are decoded on the stack: most of them. Larger ones take a vector.
pub(crate) const PAYLOAD: usize = 1 << 10;

//! The way of an opaque token through an authenticator.

use std::sync::Arc;

use super::{kind::OpaqueKind, token::OpaqueToken};
#[cfg(not(feature = "proof"))]
use crate::auth::no_possession::Sender;
#[cfg(feature = "proof")]
use crate::auth::possession::Sender;
use crate::{
    auth::{authenticate::Authenticate, authenticator::Authenticator},
    error::AuthErrorKind,
    future::MaybeReady,
    request::{Credentials, Provenance},
};

impl Authenticator {
    /// Returns the kind of a token that is opaque by its form.
    pub(in crate::auth) fn opaque_kind(
        &self,
        credentials: &Credentials<'_>,
    ) -> Option<&Arc<OpaqueKind>> {
        self.opaque.as_ref()?.of(credentials)
    }

    /// Has the app check an opaque token. What comes after is as for a JWT.
    #[cold]
    pub(in crate::auth) fn check_opaque(
        &self,
        kind: &Arc<OpaqueKind>,
        credentials: &Credentials<'_>,
    ) -> Authenticate {
        let found = &credentials.found;
        // One of two is never chosen, so nobody is asked.
        let text = match found.is_ambiguous {
            true => Err(AuthErrorKind::MalformedRequest),
            false => credentials.token.read(),
        };
        let text = match text {
            Ok(text) => OpaqueToken::new(text),
            Err(kind) => return Authenticate::ready(Err(self.refuse(kind.into()))),
        };
        let (authenticator, kind) = (self.clone(), Arc::clone(kind));
        let (source_index, opaque, scheme) = (found.source_index, found.opaque, found.scheme);
        let csrf_value = found.csrf_value.map(<[u8]>::to_vec);
        Authenticate::new(MaybeReady::waiting(async move {
            let token = kind
                .ask(text, authenticator.caller.reader)
                .await
                .map_err(|error| authenticator.refuse(error))?;
            let verdict = {
                let found = Provenance {
                    source_index,
                    opaque,
                    scheme,
                    csrf_value: csrf_value.as_deref(),
                    ..Provenance::default()
                };
                authenticator.decide(token, &found, Sender::Unknown)
            };
            verdict.await
        }))
    }
}

//! How a payload is read: the registered claims alone, or a type of the user with them.

use std::{any::Any, sync::Arc};

use serde::de::DeserializeOwned;

use super::{spec::ClaimSpec, unreadable::Unreadable};
use crate::claims::RegisteredClaims;

/// Reads a payload once it is known to be signed. It knows the user's type, so nobody else has to.
#[derive(Clone, Copy)]
pub(crate) struct Reader(fn(&mut RegisteredClaims, &str, &ClaimSpec) -> Result<Parsed, Unreadable>);

/// The payload as the user's type, if one was named and the payload fits it.
pub(crate) type Parsed = Option<Arc<dyn Any + Send + Sync>>;

impl Reader {
    /// Only the registered claims.
    pub(crate) const UNTYPED: Self = Self(|claims, payload, wanted| {
        claims.read(payload, wanted)?;
        Ok(None)
    });

    /// The registered claims, and a `T` in the same pass.
    pub(crate) fn of<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self(|claims, payload, wanted| {
            let mut parsed = None;
            claims.read_as::<T>(payload, wanted, &mut parsed)?;
            let parsed = parsed.and_then(Result::ok);
            Ok(parsed.map(|parsed| Arc::new(parsed) as _))
        })
    }

    pub(crate) fn read(
        self,
        claims: &mut RegisteredClaims,
        payload: &str,
        wanted: &ClaimSpec,
    ) -> Result<Parsed, Unreadable> {
        (self.0)(claims, payload, wanted)
    }
}

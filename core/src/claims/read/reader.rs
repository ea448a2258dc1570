//! The reader of a payload: of the registered claims alone, or of the app's type with them.

use std::{any::Any, sync::Arc};

use serde::de::DeserializeOwned;

use super::{spec::ClaimSpec, unreadable::Unreadable};
use crate::claims::RegisteredClaims;

/// Reads a payload once it is known to be signed. Knows the app's type, so that nothing else has to.
#[derive(Clone, Copy)]
pub(crate) struct Reader(fn(&mut RegisteredClaims, &str, &ClaimSpec) -> Result<Parsed, Unreadable>);

/// The payload as the app's type, if one was named and the payload fits it.
pub(crate) type Parsed = Option<Arc<dyn Any + Send + Sync>>;

impl Reader {
    /// Reads only the registered claims.
    pub(crate) const UNTYPED: Self = Self(|claims, payload, spec| {
        claims.read(payload, spec)?;
        Ok(None)
    });

    /// Reads the registered claims, and a `T` in the same pass.
    pub(crate) fn of<T: DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self(|claims, payload, spec| {
            let mut parsed = None;
            claims.read_as::<T>(payload, spec, &mut parsed)?;
            let parsed = parsed.and_then(Result::ok);
            Ok(parsed.map(|parsed| Arc::new(parsed) as _))
        })
    }

    pub(crate) fn read(
        self,
        claims: &mut RegisteredClaims,
        payload: &str,
        spec: &ClaimSpec,
    ) -> Result<Parsed, Unreadable> {
        (self.0)(claims, payload, spec)
    }
}

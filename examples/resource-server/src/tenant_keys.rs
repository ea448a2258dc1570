//! The keys of tenants: those that are in use, and those that an earlier run has saved.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use countersign::{
    ConfigError, RemoteKeys, Tenant, Tenants,
    remote::{RemoteKeysBuilder, SavedKeys},
};

use crate::state::State;

/// The keys of tenants, by their issuers.
pub(crate) struct TenantKeys {
    /// What comes before and after the tenant in the name of an issuer.
    around: (String, String),
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    saved: BTreeMap<String, SavedKeys>,
    in_use: BTreeMap<String, RemoteKeys>,
}

impl TenantKeys {
    /// The most tenants of a run whose keys are saved, those that came first: each change writes all of them.
    const MOST: usize = 200;

    pub(crate) fn new(pattern: &str, saved: Option<&State>) -> Self {
        let (before, after) = pattern.split_once("{tenant}").unwrap_or((pattern, ""));
        let own = Self {
            around: (before.to_owned(), after.to_owned()),
            held: Mutex::default(),
        };
        if let Some(state) = saved {
            let tenants = state.all().filter(|(source, _)| own.has_form_of(source));
            let saved = tenants.map(|(source, keys)| (source.clone(), keys.clone()));
            own.held().saved = saved.collect();
        }
        own
    }

    /// Begins to fetch the keys of a tenant, and uses until then what an earlier run has saved.
    pub(crate) fn start(
        &self,
        tenant: &Tenant,
        tenants: &Tenants,
        mut builder: RemoteKeysBuilder,
    ) -> Result<RemoteKeys, ConfigError> {
        let issuer = tenant.issuer();
        let mut held = self.held();
        if let Some(saved) = held.saved.remove(issuer) {
            builder = builder.warm(saved);
        }
        let keys = builder.build()?;
        if held.in_use.len() >= Self::MOST {
            held.in_use
                .retain(|name, _| tenants.tenant_of(name).is_some());
        }
        if held.in_use.len() < Self::MOST || held.in_use.contains_key(issuer) {
            held.in_use.insert(issuer.to_owned(), keys.clone());
        }
        Ok(keys)
    }

    /// Returns the keys to save: of tenants that are allowed.
    pub(crate) fn to_save(&self, tenants: &Tenants) -> Vec<(String, SavedKeys)> {
        let held = self.held();
        let allowed = held.in_use.iter();
        let allowed = allowed.filter(|(issuer, _)| tenants.tenant_of(issuer).is_some());
        let saved = allowed.filter_map(|(issuer, keys)| Some((issuer.clone(), keys.saved()?)));
        saved.collect()
    }

    /// Returns whether an issuer could be that of a tenant, by its form.
    pub(crate) fn has_form_of(&self, issuer: &str) -> bool {
        let (before, after) = &self.around;
        let rest = issuer.strip_prefix(&**before);
        rest.is_some_and(|rest| rest.ends_with(&**after))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics between two steps that belong together.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

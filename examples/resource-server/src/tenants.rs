//! From the table `[tenants]` to the issuers of tenants, which are found when their first tokens come.

use std::{fs, path::Path, sync::Arc};

use countersign::{
    Clock, DynamicIssuers, DynamicIssuersBuilder, RemoteKeys, Tenants, Verifier,
    remote::{HttpFetch, SavedKeys},
};
use toml::Spanned;

use crate::{
    config::{Config, TenantsSettings},
    keys::client,
    place::Mistake,
    rules::{Rules, is_true},
    sources::Sources,
    state::State,
    tenant_keys::TenantKeys,
    texts::Texts,
};

/// The issuers of tenants.
#[derive(Clone)]
pub(crate) struct TenantIssuers {
    tenants: Tenants,
    issuers: DynamicIssuers,
    keys: Arc<TenantKeys>,
    sources: Sources,
    settings: TenantSettings,
}

/// The settings by which verifiers are made. Two that are equal make the same ones.
#[derive(Clone, PartialEq, Eq)]
struct TenantSettings {
    pattern: String,
    private_http: bool,
    root_certificate: Option<Vec<u8>>,
    rules: Rules,
}

impl TenantIssuers {
    /// Reads the table, if there is one. Those that are `running` by the same settings go on: no tenant has to be found again.
    /// Others begin with the keys that are `saved`.
    pub(crate) fn read(
        config: &Config,
        clock: &Arc<dyn Clock>,
        running: Option<&Self>,
        saved: Option<&State>,
    ) -> Result<Option<Self>, Mistake> {
        let Some(table) = &config.settings.tenants else {
            return Ok(None);
        };
        let settings = table.get_ref();
        let tenants = Self::tenants(config, settings)?;
        let sources = match &settings.sources {
            Some(_) => Sources::read(config, settings.sources.as_ref())?,
            None => Sources::read(config, config.settings.sources.as_ref())?,
        };
        let root = settings.root_certificate.as_ref();
        let file = root.map(|file| config.path(file.get_ref()));
        let objection = |text: String| match root {
            Some(root) => config.mistake(root, text),
            None => config.mistake(table, text),
        };
        let own = TenantSettings {
            pattern: settings.pattern.get_ref().clone(),
            private_http: is_true(config, settings.private_http.as_ref())?.is_some(),
            root_certificate: file.as_deref().map(read).transpose().map_err(objection)?,
            rules: Rules::read(config, table, config.settings.profile.unwrap_or_default())?,
        };
        if let Some(private) = &settings.private_http
            && !own.pattern.starts_with("http:")
        {
            let text = "`private_http` is for a pattern that begins with http:";
            return Err(config.mistake(private, text));
        }
        if let Some(running) = running.filter(|running| running.settings == own) {
            return Ok(Some(Self {
                sources,
                ..running.clone()
            }));
        }
        let fetch = client(file.as_deref(), own.root_certificate.clone()).map_err(objection)?;
        own.check(clock)
            .map_err(|error| config.mistake(table, error))?;
        let keys = Arc::new(TenantKeys::new(&own.pattern, saved));
        let issuers = own.issuers(&tenants, &keys, fetch, clock);
        Ok(Some(Self {
            issuers: issuers.map_err(|error| config.mistake(table, error))?,
            tenants,
            keys,
            sources,
            settings: own,
        }))
    }

    fn tenants(config: &Config, settings: &TenantsSettings) -> Result<Tenants, Mistake> {
        let nobody: [&str; 0] = [];
        let tenants = Tenants::pattern(settings.pattern.get_ref(), nobody);
        let tenants = tenants.map_err(|error| config.mistake(&settings.pattern, error))?;
        let names = Texts::each(&settings.allow);
        if names.is_empty() {
            let text = "`allow` is empty: there is no tenant who could come in";
            return Err(config.mistake(&settings.allow, text));
        }
        if names.len() > DynamicIssuersBuilder::LARGEST_CAPACITY {
            let text = format!(
                "`allow` has {} tenants, and there is room for {}",
                names.len(),
                DynamicIssuersBuilder::LARGEST_CAPACITY
            );
            return Err(config.mistake(&settings.allow, text));
        }
        for name in &names {
            let one = tenants.set([name.get_ref()]);
            one.map_err(|error| config.mistake(name, error))?;
        }
        let all = tenants.set(names.iter().map(Spanned::get_ref));
        all.map_err(|error| config.mistake(&settings.allow, error))?;
        Ok(tenants)
    }

    /// Allows the tenants that the file lists, and no others.
    pub(crate) fn allow(&self, config: &Config) -> Result<(), Mistake> {
        let Some(table) = &config.settings.tenants else {
            return Ok(());
        };
        let allow = &table.get_ref().allow;
        let names = Texts::each(allow);
        let all = self.tenants.set(names.iter().map(Spanned::get_ref));
        all.map_err(|error| config.mistake(allow, error))
    }

    pub(crate) fn issuers(&self) -> DynamicIssuers {
        self.issuers.clone()
    }

    /// Returns the keys to save, each with its source.
    pub(crate) fn saved_keys(&self) -> Vec<(String, SavedKeys)> {
        self.keys.to_save(&self.tenants)
    }

    /// Returns whether keys are those of a tenant who is not allowed, by the name of their source.
    pub(crate) fn is_gone(&self, source: &str) -> bool {
        self.keys.has_form_of(source) && self.tenants.tenant_of(source).is_none()
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }
}

impl TenantSettings {
    /// Checks that a verifier can be made of the rules, before the first tenant comes.
    fn check(&self, clock: &Arc<dyn Clock>) -> Result<(), countersign::ConfigError> {
        let key = countersign::SigningKey::generate_es256()?.verifying_key();
        let builder = Verifier::builder(key).issuer("https://tenant.example");
        self.rules.apply(builder, clock).build().map(drop)
    }

    /// Makes the issuers of these tenants.
    fn issuers(
        &self,
        tenants: &Tenants,
        keys: &Arc<TenantKeys>,
        fetch: HttpFetch,
        clock: &Arc<dyn Clock>,
    ) -> Result<DynamicIssuers, countersign::ConfigError> {
        let (rules, clock) = (self.rules.clone(), Arc::clone(clock));
        let private_http = self.private_http;
        let (own, keys) = (tenants.clone(), Arc::clone(keys));
        let resolver = tenants.resolver(move |tenant| {
            let mut builder = RemoteKeys::discover(tenant.clone());
            builder = builder.fetch(fetch.clone()).clock(Arc::clone(&clock));
            if private_http {
                builder = builder.private_http();
            }
            let started = keys.start(&tenant, &own, builder);
            let (rules, clock) = (rules.clone(), Arc::clone(&clock));
            async move {
                let keys = started?;
                // A provider that is away is no mistake: each request says so, until it is back.
                let _ = keys.ready().await;
                let builder = Verifier::builder(keys).issuer(tenant.issuer());
                rules.apply(builder, &clock).build()
            }
        });
        resolver.build()
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

//! From the tables `[[issuers]]` to verifiers.

use std::{collections::HashSet, sync::Arc};

use countersign::{Authenticator, Clock, ConfigError, DynamicIssuers, Issuers, Provider, Verifier};
use toml::Spanned;

use crate::{
    config::{Config, IssuerSettings, Profile},
    keys::{Earlier, IssuerKeys},
    place::Mistake,
    providers::ProviderSettings,
    rules::{Rules, is_true, not_empty},
    sources::Sources,
    tenants::TenantIssuers,
};

/// An issuer whose tokens are accepted.
pub(crate) struct Issuer {
    /// `None`: this is the fallback.
    name: Option<String>,
    pub(crate) keys: IssuerKeys,
    sources: Sources,
    verifier: Verifier,
}

impl Issuer {
    /// All issuers of the file that have a table of their own: at least one unless there are tenants, each once.
    pub(crate) fn read_all(
        config: &Config,
        clock: &Arc<dyn Clock>,
        earlier: &Earlier<'_>,
    ) -> Result<Vec<Self>, Mistake> {
        let tables = match (&config.settings.issuers, &config.settings.tenants) {
            (Some(tables), None) if tables.get_ref().is_empty() => {
                return Err(config.mistake(tables, "there is no issuer, so nobody could come in"));
            }
            (None, None) => return Err(config.mistake_at(&(0..0), "missing field `issuers`")),
            (tables, _) => tables.as_ref().map_or(&[][..], |tables| tables.get_ref()),
        };
        let any = tables
            .iter()
            .find_map(|table| table.get_ref().any_issuer.as_ref());
        if let (Some(any), Some(_)) = (any, &config.settings.tenants) {
            let text = "`any_issuer` and `[tenants]` exclude each other: both are for issuers without a table";
            return Err(config.mistake(any, text));
        }
        let usual = Sources::read(config, config.settings.sources.as_ref())?;
        let mut names = HashSet::new();
        let mut issuers = Vec::new();
        for table in tables {
            let preset = preset(config, table.get_ref())?;
            let name = named(config, table, preset.as_ref())?;
            if !names.insert(name.clone()) {
                let settings = table.get_ref();
                let twice = "this issuer stands here twice";
                return Err(match (&settings.issuer, &settings.provider) {
                    (Some(name), _) => config.mistake(name, twice),
                    (_, Some(provider)) => config.mistake(provider, twice),
                    _ => config.mistake(table, "there are two tables with `any_issuer`"),
                });
            }
            issuers.push(Self::read(
                config, table, preset, name, &usual, clock, earlier,
            )?);
        }
        Ok(issuers)
    }

    /// Its name, or `any`.
    pub(crate) fn label(&self) -> &str {
        self.name.as_deref().unwrap_or("any")
    }

    fn read(
        config: &Config,
        table: &Spanned<IssuerSettings>,
        preset: Option<Provider>,
        name: Option<String>,
        usual_sources: &Sources,
        clock: &Arc<dyn Clock>,
        earlier: &Earlier<'_>,
    ) -> Result<Self, Mistake> {
        let settings = table.get_ref();
        let provider = settings.provider.as_ref().map(Spanned::get_ref);
        let usual = config.settings.profile;
        let profile = match provider.map(ProviderSettings::takes_profile) {
            None => usual.unwrap_or_default(),
            Some(true) => usual.unwrap_or(Profile::Any),
            // What tells the tokens of such a preset apart is in the preset.
            Some(false) => Profile::Any,
        };
        let rules = Rules::read(config, table, profile)?;
        if let (None, Some(sources)) = (&name, &settings.sources) {
            return Err(config.mistake(
                sources,
                "with `any_issuer`, tokens count wherever the file lets a request carry one",
            ));
        }
        let own = provider.and_then(Sources::of_provider);
        let sources = match (&settings.sources, own) {
            (Some(sources), Some(_)) => {
                return Err(config.mistake(
                    sources,
                    "`sources` is for other providers: this one says where its tokens are",
                ));
            }
            (Some(_), None) => Sources::read(config, settings.sources.as_ref())?,
            (None, Some(own)) => own,
            (None, None) => usual_sources.clone(),
        };
        let keys = IssuerKeys::read(config, table, preset.as_ref(), Arc::clone(clock), earlier)?;

        let builder = Verifier::builder(keys.for_verifier());
        let builder = match (preset, &name) {
            (Some(preset), _) => builder.provider(preset),
            (None, Some(name)) => builder.issuer(name),
            (None, None) => builder.any_issuer(),
        };
        let builder = rules.apply(builder, clock);
        Ok(Self {
            name,
            keys,
            sources,
            verifier: builder
                .build()
                .map_err(|error| config.mistake(table, error))?,
        })
    }
}

/// Returns the authentication of the tokens of these issuers.
pub(crate) fn authenticator(
    config: &Config,
    issuers: &[Issuer],
    tenants: Option<&TenantIssuers>,
) -> Result<Authenticator, Mistake> {
    let place = config.settings.place_of_issuers();
    let (named, fallback): (Vec<&Issuer>, Vec<&Issuer>) =
        issuers.iter().partition(|issuer| issuer.name.is_some());
    let fallback = fallback.first().map(|issuer| issuer.verifier.clone());
    let verifiers = match (named.as_slice(), fallback) {
        ([], Some(alone)) if tenants.is_none() => Ok(alone.into()),
        (named, fallback) => {
            let named = named.iter().map(|issuer| issuer.verifier.clone());
            let tenants = tenants.map(TenantIssuers::issuers);
            combined(named, fallback, tenants)
        }
    };
    let verifiers = verifiers.map_err(|error| config.mistake_at(&place, error))?;

    // A request is looked at in all places; then each issuer's tokens count where they should be.
    let everywhere = issuers
        .iter()
        .map(|issuer| &issuer.sources)
        .chain(tenants.map(TenantIssuers::sources))
        .fold(Sources::default(), Sources::and);
    let mut authenticator = Authenticator::new(verifiers).source(everywhere.token_source());
    for issuer in named {
        authenticator = authenticator
            .source_for(issuer.label(), issuer.sources.token_source())
            .map_err(|error| config.mistake_at(&place, error))?;
    }
    if let Some(tenants) = tenants {
        authenticator = authenticator
            .source_for_dynamic(tenants.sources().token_source())
            .map_err(|error| config.mistake_at(&place, error))?;
    }
    Ok(match &config.settings.realm {
        Some(realm) => authenticator.realm(realm),
        None => authenticator,
    })
}

/// Combines the verifiers of the tables with those of tenants.
fn combined(
    named: impl ExactSizeIterator<Item = Verifier>,
    fallback: Option<Verifier>,
    tenants: Option<DynamicIssuers>,
) -> Result<Issuers, ConfigError> {
    let mut all = match tenants {
        Some(tenants) if named.len() == 0 => Issuers::dynamic(tenants),
        Some(tenants) => Issuers::new(named)?.with_dynamic(tenants)?,
        None => Issuers::new(named)?,
    };
    if let Some(fallback) = fallback {
        all = all.with_fallback(fallback)?;
    }
    Ok(all)
}

/// The preset that the table names.
fn preset(config: &Config, settings: &IssuerSettings) -> Result<Option<Provider>, Mistake> {
    let Some(provider) = &settings.provider else {
        return Ok(None);
    };
    for (claim, setting) in [
        (&settings.audience_claim, "audience_claim"),
        (&settings.scope_claim, "scope_claim"),
        (&settings.issuer, "issuer"),
    ] {
        if let Some(claim) = claim {
            let text = format!("`{setting}` and `provider` exclude each other");
            return Err(config.mistake(claim, text));
        }
    }
    if let Some(any) = &settings.any_issuer {
        return Err(config.mistake(any, "`any_issuer` and `provider` exclude each other"));
    }
    let preset = provider.get_ref().preset();
    preset
        .map(Some)
        .map_err(|error| config.mistake(provider, error))
}

/// The name of the issuer; `None` for the fallback.
fn named(
    config: &Config,
    table: &Spanned<IssuerSettings>,
    preset: Option<&Provider>,
) -> Result<Option<String>, Mistake> {
    let settings = table.get_ref();
    if let Some(preset) = preset {
        return Ok(Some(preset.issuer().to_owned()));
    }
    match (
        &settings.issuer,
        is_true(config, settings.any_issuer.as_ref())?,
    ) {
        (None, None) => Err(config.mistake(table, "missing field `issuer`")),
        (Some(_), Some(any)) => {
            Err(config.mistake(any, "`issuer` and `any_issuer` exclude each other"))
        }
        (Some(name), None) => {
            not_empty(config, name)?;
            Ok(Some(name.get_ref().clone()))
        }
        (None, Some(_)) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

    use std::fs;

    use countersign::SystemClock;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_profile_for_all_counts_for_presets_without_a_marker() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("api.toml");
        let runtime = Builder::new_current_thread().build().unwrap();
        let _within = runtime.enter();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        for (provider, counts) in [
            ("auth0 = { domain = \"a.eu.auth0.com\" }", true),
            (
                "okta = { domain = \"a.okta.com\", server = \"default\" }",
                true,
            ),
            ("zitadel = { domain = \"a.zitadel.cloud\" }", false),
        ] {
            for (profile, is_set) in [("", false), ("profile = \"at+jwt\"\n", true)] {
                let table =
                    format!("[[issuers]]\nprovider = {{ {provider} }}\naudience = \"shop\"\n");
                fs::write(&file, format!("{profile}{table}")).unwrap();
                let config = Config::read(&file).unwrap();
                let earlier = Earlier::new(Vec::new(), None);
                let issuers = Issuer::read_all(&config, &clock, &earlier).unwrap();
                let is_typed = format!("{:?}", issuers[0].verifier).contains("at+jwt");
                assert_eq!(is_typed, counts && is_set, "{provider} {profile}");
            }
        }
    }
}

//! From the tables `[[issuers]]` to verifiers.

use std::{collections::HashSet, sync::Arc};

use countersign::{Authenticator, Clock, ConfigError, DynamicIssuers, Issuers, Verifier};
use toml::Spanned;

use crate::{
    config::{Config, IssuerSettings},
    keys::{Earlier, IssuerKeys},
    place::Mistake,
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
            let name = table.get_ref().issuer.as_ref();
            if !names.insert(name.map(Spanned::get_ref)) {
                return Err(match name {
                    Some(name) => config.mistake(name, "this issuer stands here twice"),
                    None => config.mistake(table, "there are two tables with `any_issuer`"),
                });
            }
            issuers.push(Self::read(config, table, &usual, clock, earlier)?);
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
        usual: &Sources,
        clock: &Arc<dyn Clock>,
        earlier: &Earlier<'_>,
    ) -> Result<Self, Mistake> {
        let settings = table.get_ref();
        let name = named(config, table)?;
        let rules = Rules::read(config, table)?;
        if let (None, Some(sources)) = (name, &settings.sources) {
            return Err(config.mistake(
                sources,
                "with `any_issuer`, tokens count wherever the file lets a request carry one",
            ));
        }
        let sources = match &settings.sources {
            Some(_) => Sources::read(config, settings.sources.as_ref())?,
            None => usual.clone(),
        };
        let keys = IssuerKeys::read(config, settings, Arc::clone(clock), earlier)?;

        let builder = rules.apply(Verifier::builder(keys.for_verifier()), clock);
        let builder = match name {
            Some(name) => builder.issuer(name),
            None => builder.any_issuer(),
        };
        Ok(Self {
            name: name.map(str::to_owned),
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

/// The name of the issuer; `None` for the fallback.
fn named<'c>(
    config: &Config,
    table: &'c Spanned<IssuerSettings>,
) -> Result<Option<&'c str>, Mistake> {
    let settings = table.get_ref();
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
            Ok(Some(name.get_ref()))
        }
        (None, Some(_)) => Ok(None),
    }
}

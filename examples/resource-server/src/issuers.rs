//! From the tables `[[issuers]]` to verifiers.

use std::{collections::HashSet, sync::Arc};

use countersign::{Authenticator, Clock, Issuers, Verifier, claims::ScopeSource};
use toml::Spanned;

use crate::{
    config::{Config, IssuerSettings, Profile},
    keys::IssuerKeys,
    place::Mistake,
    sources::Sources,
    texts::Texts,
};

/// An issuer whose tokens are accepted.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) keys: IssuerKeys,
    sources: Sources,
    verifier: Verifier,
}

impl Issuer {
    /// All issuers of the file: at least one, each once.
    pub(crate) fn read_all(config: &Config, clock: &Arc<dyn Clock>) -> Result<Vec<Self>, Mistake> {
        let tables = &config.settings.issuers;
        if tables.get_ref().is_empty() {
            return Err(config.mistake(tables, "there is no issuer, so nobody could come in"));
        }
        let usual = Sources::read(config, config.settings.sources.as_ref())?;
        let mut names = HashSet::new();
        let mut issuers = Vec::new();
        for table in tables.get_ref() {
            let name = &table.get_ref().issuer;
            if !names.insert(name.get_ref()) {
                return Err(config.mistake(name, "this issuer stands here twice"));
            }
            issuers.push(Self::read(config, table, &usual, clock)?);
        }
        Ok(issuers)
    }

    fn read(
        config: &Config,
        table: &Spanned<IssuerSettings>,
        usual: &Sources,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Mistake> {
        let settings = table.get_ref();
        let name = settings.issuer.get_ref();
        not_empty(config, &settings.issuer)?;
        let audiences = Texts::each(&settings.audience);
        if audiences.is_empty() {
            return Err(config.mistake(&settings.audience, "there is no audience"));
        }
        for audience in &audiences {
            not_empty(config, audience)?;
        }
        let sources = match &settings.sources {
            Some(_) => Sources::read(config, settings.sources.as_ref())?,
            None => usual.clone(),
        };
        let keys = IssuerKeys::read(config, settings, Arc::clone(clock))?;

        let mut builder = Verifier::builder(keys.for_verifier())
            .issuer(name)
            .leeway(config.leeway()?)
            .clock(Arc::clone(clock));
        for audience in audiences {
            builder = builder.audience(audience.into_inner());
        }
        if let Some(claim) = &settings.audience_claim {
            not_empty(config, claim)?;
            builder = builder.audience_claim(claim.get_ref());
        }
        if let Some(claim) = &settings.scope_claim {
            not_empty(config, claim)?;
            builder = builder.scopes(ScopeSource::claim(claim.get_ref()));
        }
        for claim in settings.require_claims.iter().flat_map(Texts::each) {
            not_empty(config, &claim)?;
            builder = builder.require_claim(claim.into_inner());
        }
        for (claim, value) in &settings.require_values {
            builder = builder.require_value(claim, value);
        }
        builder = match settings.profile.unwrap_or(config.settings.profile) {
            Profile::AccessToken => builder.access_token_profile(),
            Profile::Any => builder,
            Profile::Typed => builder.token_type("at+jwt"),
        };
        Ok(Self {
            name: name.clone(),
            keys,
            sources,
            verifier: builder
                .build()
                .map_err(|error| config.mistake(table, error))?,
        })
    }
}

/// Returns the authentication of the tokens of these issuers.
pub(crate) fn authenticator(config: &Config, issuers: &[Issuer]) -> Result<Authenticator, Mistake> {
    let verifiers = issuers.iter().map(|issuer| issuer.verifier.clone());
    let verifiers =
        Issuers::new(verifiers).map_err(|error| config.mistake(&config.settings.issuers, error))?;

    // A request is looked at in all places; then each issuer's tokens count where they should be.
    let everywhere = issuers
        .iter()
        .fold(Sources::default(), |all, issuer| all.and(&issuer.sources));
    let mut authenticator = Authenticator::new(verifiers).source(everywhere.token_source());
    for issuer in issuers {
        authenticator = authenticator
            .source_for(&issuer.name, issuer.sources.token_source())
            .map_err(|error| config.mistake(&config.settings.issuers, error))?;
    }
    Ok(match &config.settings.realm {
        Some(realm) => authenticator.realm(realm),
        None => authenticator,
    })
}

fn not_empty(config: &Config, text: &Spanned<impl AsRef<str>>) -> Result<(), Mistake> {
    match text.get_ref().as_ref() {
        "" => Err(config.mistake(text, "this text is empty")),
        _ => Ok(()),
    }
}

//! From the tables `[[issuers]]` to verifiers.

use std::{collections::HashSet, sync::Arc};

use countersign::{
    Authenticator, Clock, Issuers, Provider, Verifier, VerifierBuilder,
    claims::{ScopeSource, Tolerance},
};
use toml::Spanned;

use crate::{
    config::{Config, IssuerSettings, Profile},
    keys::{Earlier, IssuerKeys},
    place::Mistake,
    sources::Sources,
    texts::Texts,
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
    /// All issuers of the file: at least one, each once.
    pub(crate) fn read_all(
        config: &Config,
        clock: &Arc<dyn Clock>,
        earlier: &Earlier<'_>,
    ) -> Result<Vec<Self>, Mistake> {
        let tables = &config.settings.issuers;
        if tables.get_ref().is_empty() {
            return Err(config.mistake(tables, "there is no issuer, so nobody could come in"));
        }
        let usual = Sources::read(config, config.settings.sources.as_ref())?;
        let mut names = HashSet::new();
        let mut issuers = Vec::new();
        for table in tables.get_ref() {
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
        usual: &Sources,
        clock: &Arc<dyn Clock>,
        earlier: &Earlier<'_>,
    ) -> Result<Self, Mistake> {
        let settings = table.get_ref();
        let audiences = audiences(config, table)?;
        if let (None, Some(sources)) = (&name, &settings.sources) {
            return Err(config.mistake(
                sources,
                "with `any_issuer`, tokens count wherever the file lets a request carry one",
            ));
        }
        let provider = settings.provider.as_ref().map(Spanned::get_ref);
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
            (None, None) => usual.clone(),
        };
        let keys = IssuerKeys::read(config, table, preset.as_ref(), Arc::clone(clock), earlier)?;

        let mut builder = Verifier::builder(keys.for_verifier())
            .leeway(config.leeway()?)
            .clock(Arc::clone(clock));
        let is_preset = preset.is_some();
        builder = match (preset, &name) {
            (Some(preset), _) => builder.provider(preset),
            (None, Some(name)) => builder.issuer(name),
            (None, None) => builder.any_issuer(),
        };
        if audiences.is_empty() {
            builder = builder.any_audience();
        }
        for name in settings.accept.iter().flat_map(Texts::each) {
            builder = tolerate(config, builder, &name)?;
        }
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
        // What tells the tokens of a preset apart is in the preset.
        let usual = match is_preset {
            true => Profile::Any,
            false => config.settings.profile,
        };
        builder = match settings.profile.unwrap_or(usual) {
            Profile::AccessToken => builder.access_token_profile(),
            Profile::Any => builder,
            Profile::Typed => builder.token_type("at+jwt"),
        };
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
pub(crate) fn authenticator(config: &Config, issuers: &[Issuer]) -> Result<Authenticator, Mistake> {
    let (named, fallback): (Vec<&Issuer>, Vec<&Issuer>) =
        issuers.iter().partition(|issuer| issuer.name.is_some());
    let fallback = fallback.first().map(|issuer| issuer.verifier.clone());
    let verifiers = match (named.as_slice(), fallback) {
        ([], Some(alone)) => Ok(alone.into()),
        (named, fallback) => {
            let verifiers = Issuers::new(named.iter().map(|issuer| issuer.verifier.clone()));
            verifiers.and_then(|all| match fallback {
                Some(fallback) => all.with_fallback(fallback),
                None => Ok(all),
            })
        }
    };
    let verifiers = verifiers.map_err(|error| config.mistake(&config.settings.issuers, error))?;

    // A request is looked at in all places; then each issuer's tokens count where they should be.
    let everywhere = issuers
        .iter()
        .fold(Sources::default(), |all, issuer| all.and(&issuer.sources));
    let mut authenticator = Authenticator::new(verifiers).source(everywhere.token_source());
    for issuer in named {
        authenticator = authenticator
            .source_for(issuer.label(), issuer.sources.token_source())
            .map_err(|error| config.mistake(&config.settings.issuers, error))?;
    }
    Ok(match &config.settings.realm {
        Some(realm) => authenticator.realm(realm),
        None => authenticator,
    })
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

/// The audiences of the issuer; none where any will do.
fn audiences<'c>(
    config: &Config,
    table: &'c Spanned<IssuerSettings>,
) -> Result<Vec<Spanned<&'c str>>, Mistake> {
    let settings = table.get_ref();
    let any = is_true(config, settings.any_audience.as_ref())?;
    let texts = match (&settings.audience, any) {
        (None, None) => return Err(config.mistake(table, "missing field `audience`")),
        (Some(_), Some(any)) => {
            return Err(config.mistake(any, "`audience` and `any_audience` exclude each other"));
        }
        (None, Some(_)) => return Ok(Vec::new()),
        (Some(texts), None) => texts,
    };
    let audiences = Texts::each(texts);
    if audiences.is_empty() {
        return Err(config.mistake(texts, "there is no audience"));
    }
    for audience in &audiences {
        not_empty(config, audience)?;
    }
    Ok(audiences)
}

/// A setting that can only be `true`.
fn is_true<'c>(
    config: &Config,
    setting: Option<&'c Spanned<bool>>,
) -> Result<Option<&'c Spanned<bool>>, Mistake> {
    match setting {
        Some(setting) if !setting.get_ref() => {
            Err(config.mistake(setting, "say `true`, or leave the line out"))
        }
        setting => Ok(setting),
    }
}

/// Adds a weakening by its name.
fn tolerate(
    config: &Config,
    builder: VerifierBuilder,
    name: &Spanned<&str>,
) -> Result<VerifierBuilder, Mistake> {
    let mut known = Tolerance::ALL.into_iter();
    match known.find(|own| own.name() == *name.get_ref()) {
        Some(Tolerance::NumericSubject) => Ok(builder.accept_numeric_subject()),
        Some(Tolerance::NullClaims) => Ok(builder.accept_null_claims()),
        _ => Err(config.mistake(name, "`accept` takes \"numeric-sub\" and \"null-claims\"")),
    }
}

fn not_empty(config: &Config, text: &Spanned<impl AsRef<str>>) -> Result<(), Mistake> {
    match text.get_ref().as_ref() {
        "" => Err(config.mistake(text, "this text is empty")),
        _ => Ok(()),
    }
}

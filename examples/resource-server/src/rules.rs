//! The rules for the tokens of one issuer, or of all tenants.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use countersign::{
    Clock, VerifierBuilder,
    claims::{ScopeSource, Tolerance},
};
use toml::Spanned;

use crate::{
    config::{Config, IssuerSettings, Profile, TenantsSettings},
    place::Mistake,
    texts::Texts,
};

/// What a table says about tokens, beside their issuer and its keys.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    accept: Vec<Tolerance>,
    /// Empty: any will do.
    audiences: Vec<String>,
    audience_claim: Option<String>,
    leeway: Duration,
    profile: Profile,
    require_claims: Vec<String>,
    require_values: Vec<(String, String)>,
    scope_claim: Option<String>,
}

/// The members of a table that are rules.
pub(crate) struct RuleSettings<'c> {
    table: Range<usize>,
    accept: Option<&'c Spanned<Texts>>,
    any_audience: Option<&'c Spanned<bool>>,
    audience: Option<&'c Spanned<Texts>>,
    audience_claim: Option<&'c Spanned<String>>,
    profile: Option<Profile>,
    require_claims: Option<&'c Spanned<Texts>>,
    require_values: &'c BTreeMap<String, String>,
    scope_claim: Option<&'c Spanned<String>>,
}

macro_rules! are_rules {
    ($($table:ty),*) => {$(
        impl<'c> From<&'c Spanned<$table>> for RuleSettings<'c> {
            fn from(table: &'c Spanned<$table>) -> Self {
                let settings = table.get_ref();
                Self {
                    table: table.span(),
                    accept: settings.accept.as_ref(),
                    any_audience: settings.any_audience.as_ref(),
                    audience: settings.audience.as_ref(),
                    audience_claim: settings.audience_claim.as_ref(),
                    profile: settings.profile,
                    require_claims: settings.require_claims.as_ref(),
                    require_values: &settings.require_values,
                    scope_claim: settings.scope_claim.as_ref(),
                }
            }
        }
    )*};
}

are_rules!(IssuerSettings, TenantsSettings);

impl Rules {
    /// Reads the rules of a table. `usual` is the profile unless it names another.
    pub(crate) fn read<'c>(
        config: &Config,
        table: impl Into<RuleSettings<'c>>,
        usual: Profile,
    ) -> Result<Self, Mistake> {
        let settings: RuleSettings<'_> = table.into();
        let audiences = audiences(config, &settings)?;
        let accept = settings.accept.into_iter().flat_map(Texts::each);
        let accept = accept.map(|name| tolerance(config, &name));
        let mut require_claims = Vec::new();
        for claim in settings.require_claims.into_iter().flat_map(Texts::each) {
            not_empty(config, &claim)?;
            require_claims.push(claim.into_inner().to_owned());
        }
        let values = settings.require_values.iter();
        let values = values.map(|(claim, value)| (claim.clone(), value.clone()));
        Ok(Self {
            accept: accept.collect::<Result<_, _>>()?,
            audiences,
            audience_claim: claim(config, settings.audience_claim)?,
            leeway: config.leeway()?,
            profile: settings.profile.unwrap_or(usual),
            require_claims,
            require_values: values.collect(),
            scope_claim: claim(config, settings.scope_claim)?,
        })
    }

    /// Sets them for a verifier.
    pub(crate) fn apply<K>(
        &self,
        builder: VerifierBuilder<K>,
        clock: &Arc<dyn Clock>,
    ) -> VerifierBuilder<K> {
        let mut builder = builder.leeway(self.leeway).clock(Arc::clone(clock));
        if self.audiences.is_empty() {
            builder = builder.any_audience();
        }
        for tolerance in &self.accept {
            builder = match tolerance {
                Tolerance::NumericSubject => builder.accept_numeric_subject(),
                // No other is let through when they are read.
                _ => builder.accept_null_claims(),
            };
        }
        for audience in &self.audiences {
            builder = builder.audience(audience);
        }
        if let Some(claim) = &self.audience_claim {
            builder = builder.audience_claim(claim);
        }
        if let Some(claim) = &self.scope_claim {
            builder = builder.scopes(ScopeSource::claim(claim));
        }
        for claim in &self.require_claims {
            builder = builder.require_claim(claim);
        }
        for (claim, value) in &self.require_values {
            builder = builder.require_value(claim, value);
        }
        match self.profile {
            Profile::AccessToken => builder.access_token_profile(),
            Profile::Any => builder,
            Profile::Typed => builder.token_type("at+jwt"),
        }
    }
}

/// The audiences of the issuer; none where any will do.
fn audiences(config: &Config, settings: &RuleSettings<'_>) -> Result<Vec<String>, Mistake> {
    let any = is_true(config, settings.any_audience)?;
    let texts = match (settings.audience, any) {
        (None, None) => return Err(config.mistake_at(&settings.table, "missing field `audience`")),
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
    let texts = audiences.into_iter().map(Spanned::into_inner);
    Ok(texts.map(str::to_owned).collect())
}

/// A setting that can only be `true`.
pub(crate) fn is_true<'c>(
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

/// Reads a weakening by its name.
fn tolerance(config: &Config, name: &Spanned<&str>) -> Result<Tolerance, Mistake> {
    let known = [Tolerance::NumericSubject, Tolerance::NullClaims];
    let own = known.into_iter().find(|own| own.name() == *name.get_ref());
    own.ok_or_else(|| config.mistake(name, "`accept` takes \"numeric-sub\" and \"null-claims\""))
}

/// Reads the name of a claim.
fn claim(config: &Config, name: Option<&Spanned<String>>) -> Result<Option<String>, Mistake> {
    name.map(|name| {
        not_empty(config, name)?;
        Ok(name.get_ref().clone())
    })
    .transpose()
}

pub(crate) fn not_empty(config: &Config, text: &Spanned<impl AsRef<str>>) -> Result<(), Mistake> {
    match text.get_ref().as_ref() {
        "" => Err(config.mistake(text, "this text is empty")),
        _ => Ok(()),
    }
}

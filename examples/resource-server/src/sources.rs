//! The sources of a request's token: the texts in `sources`.

use countersign::TokenSource;
use toml::Spanned;

use crate::{config::Config, place::Mistake, providers::ProviderSettings, texts::Texts};

/// One or several places, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources(Vec<Source>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Bearer,
    Cookie(String),
    Header(&'static str),
}

impl Sources {
    /// The setting in the file; without it, the `Authorization` header.
    pub(crate) fn read(config: &Config, texts: Option<&Spanned<Texts>>) -> Result<Self, Mistake> {
        let Some(texts) = texts else {
            return Ok(Self(vec![Source::Bearer]));
        };
        let mut sources = Vec::new();
        for text in Texts::each(texts) {
            let source = Source::read(text.get_ref())
                .ok_or_else(|| config.mistake(&text, "say \"bearer\" or \"cookie:NAME\""))?;
            if sources.contains(&source) {
                return Err(config.mistake(&text, "this source stands here twice"));
            }
            sources.push(source);
        }
        if sources.is_empty() {
            return Err(config.mistake(texts, "`sources` is empty, so nobody could come in"));
        }
        Ok(Self(sources))
    }

    /// Those of a provider that says where its tokens are; `None` for the others.
    pub(crate) fn of_provider(provider: &ProviderSettings) -> Option<Self> {
        let cookie = || Source::Cookie("__session".to_owned());
        let sources = match provider {
            ProviderSettings::AwsAlb { .. } => vec![Source::Header("x-amzn-oidc-data")],
            ProviderSettings::Clerk { .. } => vec![Source::Bearer, cookie()],
            ProviderSettings::CloudflareAccess { .. } => {
                vec![Source::Header("cf-access-jwt-assertion")]
            }
            ProviderSettings::FirebaseSessionCookies { .. } => vec![cookie()],
            ProviderSettings::GoogleIap => vec![Source::Header("x-goog-iap-jwt-assertion")],
            _ => return None,
        };
        Some(Self(sources))
    }

    /// These, and then the others that are not among them.
    pub(crate) fn and(mut self, others: &Self) -> Self {
        for other in &others.0 {
            if !self.0.contains(other) {
                self.0.push(other.clone());
            }
        }
        self
    }

    /// As the library takes it.
    pub(crate) fn token_source(&self) -> TokenSource {
        let one = |source: &Source| match source {
            Source::Bearer => TokenSource::bearer(),
            Source::Cookie(name) => TokenSource::cookie(name),
            Source::Header(name) => TokenSource::header(*name),
        };
        let sources = self.0.iter().map(one);
        sources.reduce(TokenSource::or).unwrap_or_default()
    }
}

impl Source {
    fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "bearer" => Some(Self::Bearer),
            Some(("cookie", name)) if is_token(name) => Some(Self::Cookie(name.to_owned())),
            _ => None,
        }
    }
}

/// Returns whether this can be the name of a cookie (RFC 6265 section 4.1.1).
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

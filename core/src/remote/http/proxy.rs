//! The connection to a provider: direct, or through a proxy.

use std::{env, error::Error, fmt, future::Future, pin::Pin, sync::Arc, task};

use hyper::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;
use zeroize::Zeroizing;

use super::{resolver::Resolver, url};
use crate::error::ConfigError;

/// The proxy of the app, as text. `Debug` hides it, for it may contain a password.
#[derive(Default)]
pub(super) struct ProxySettings {
    url: Zeroizing<String>,
    /// The setting that the URL comes from.
    name: &'static str,
    except: String,
}

impl ProxySettings {
    pub(super) fn set_url(&mut self, url: String) {
        self.url = Zeroizing::new(url);
        self.name = "`proxy`";
    }

    pub(super) fn set_exceptions(&mut self, hosts: String) {
        self.except = hosts;
    }

    pub(super) fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(value: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            let mut found = names.iter().filter_map(|&name| Some((name, value(name)?)));
            found.find(|(_, value)| !value.is_empty())
        };
        let Some((name, url)) = first(&PROXY) else {
            return Self::default();
        };
        Self {
            url: Zeroizing::new(url),
            name,
            except: first(&NO_PROXY).unwrap_or_default().1,
        }
    }

    /// Reads the texts. `None` without a proxy.
    pub(super) fn matcher(&self) -> Result<Option<Matcher>, ConfigError> {
        if self.name.is_empty() {
            return match &*self.except {
                "" => Ok(None),
                _ => Err(ConfigError::InvalidSetting(
                    "`no_proxy` is an exception to `proxy`, which is not set".into(),
                )),
            };
        }
        // The text is not repeated: a password may be in it.
        let refused = |problem: &str| {
            let text = format!("{}: {problem}, like http://proxy.internal:3128", self.name);
            ConfigError::InvalidSetting(text)
        };
        // Without exceptions, a readable proxy is asked for every host.
        let matcher = Matcher::builder().https(self.url.as_str()).build();
        let proxy = matcher
            .intercept(&Uri::from_static("https://id.example"))
            .ok_or_else(|| refused("it is no URL of a proxy"))?;
        if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
            return Err(refused("a proxy is asked by http or https"));
        }
        tracing::info!(
            proxy = %proxy.uri(), except = ?self.except,
            "keys are fetched through a proxy"
        );
        let builder = Matcher::builder().https(self.url.as_str());
        Ok(Some(builder.no(self.except.as_str()).build()))
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("is_set", &!self.url.is_empty())
            .field("except", &self.except)
            .finish()
    }
}

/// Connects to the host of a URL, or has a proxy do it (CONNECT, RFC 9110 section 9.3.6).
///
/// Only `https` goes through a proxy, so that it sees names and lengths, and can change nothing.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) direct: HttpConnector<Resolver>,
    pub(super) to_proxy: HttpsConnector<HttpConnector<Resolver>>,
    pub(super) proxy: Option<Arc<Matcher>>,
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type ConnectError = Box<dyn Error + Send + Sync>;

impl Connector {
    fn proxy_for(&self, destination: &Uri) -> Option<Intercept> {
        let is_this_machine = destination.host().is_none_or(url::is_loopback);
        let proxy = self.proxy.as_ref().filter(|_| !is_this_machine)?;
        proxy.intercept(destination)
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), ConnectError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let Some(proxy) = self.proxy_for(&destination) else {
            let connecting = self.direct.call(destination);
            return Box::pin(async { Ok(MaybeHttpsStream::Http(connecting.await?)) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let connecting = tunnel.call(destination);
        Box::pin(async { Ok(connecting.await?) })
    }
}

const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> ProxySettings {
        ProxySettings::from_variables(|wanted| {
            let mut all = variables.iter();
            Some(all.find(|(name, _)| *name == wanted)?.1.to_owned())
        })
    }

    fn asks(settings: &ProxySettings, url: &str) -> bool {
        let matcher = settings.matcher().expect("readable");
        matcher.is_some_and(|matcher| matcher.intercept(&url.parse().expect("a URL")).is_some())
    }

    #[test]
    fn the_variables_that_curl_reads_are_read_in_its_order() {
        for name in PROXY {
            let settings = from(&[("ALL_PROXY", "http://later:1"), (name, "http://p:3128")]);
            assert!(asks(&settings, "https://id.example"), "{name}");
        }
        let both = from(&[
            ("ALL_PROXY", "http://all:1"),
            ("https_proxy", "http://one:2"),
        ]);
        let matcher = both.matcher().expect("readable").expect("set");
        let proxy = matcher.intercept(&Uri::from_static("https://id.example"));
        assert_eq!(proxy.expect("asked").uri(), "http://one:2/");
    }

    #[test]
    fn http_proxy_is_for_http_which_no_provider_on_the_internet_speaks() {
        let settings = from(&[("HTTP_PROXY", "http://p:3128"), ("NO_PROXY", "a.example")]);
        assert!(!asks(&settings, "https://id.example"));
        assert!(!asks(&from(&[("HTTPS_PROXY", "")]), "https://id.example"));
    }

    #[test]
    fn an_exception_is_a_host_with_its_subdomains_or_a_network() {
        let settings = from(&[
            ("HTTPS_PROXY", "http://p:3128"),
            ("NO_PROXY", "corp.example, 10.0.0.0/8"),
        ]);
        for direct in [
            "https://corp.example",
            "https://id.corp.example",
            "https://10.1.2.3",
        ] {
            assert!(!asks(&settings, direct), "{direct}");
        }
        for through in ["https://notcorp.example", "https://11.1.2.3"] {
            assert!(asks(&settings, through), "{through}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_not_repeated() {
        for text in [
            "http://",
            "socks5://ada:secret@p:1080",
            "ftp://secret",
            "secret word",
        ] {
            let refused = from(&[("HTTPS_PROXY", text)]).matcher().expect_err(text);
            let refused = refused.to_string();
            assert!(refused.contains("HTTPS_PROXY"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert!(!format!("{:?}", from(&[("HTTPS_PROXY", "http://a:secret@p")])).contains("secret"));
    }
}

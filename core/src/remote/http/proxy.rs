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

use super::{
    resolver::Resolver,
    url::{self, PlainHttp},
};
use crate::error::ConfigError;

/// The proxy of the app, as text. `Debug` hides it, for it may contain a password.
#[derive(Default)]
pub(super) struct ProxySettings {
    /// The URL that the app has set.
    own: Option<Zeroizing<String>>,
    /// The exceptions that it has set.
    except: Option<String>,
    uses_env: bool,
}

impl ProxySettings {
    pub(super) fn set_url(&mut self, url: String) {
        self.own = Some(Zeroizing::new(url));
    }

    pub(super) fn set_exceptions(&mut self, hosts: String) {
        self.except = Some(hosts);
    }

    pub(super) fn use_env(&mut self) {
        self.uses_env = true;
    }

    /// Reads the texts. `None` without a proxy.
    pub(super) fn proxy(&self) -> Result<Option<Proxy>, ConfigError> {
        self.proxy_with(|name| env::var(name).ok())
    }

    fn proxy_with(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Proxy>, ConfigError> {
        let conflict = |text: &str| Err(ConfigError::Conflict(text.to_owned()));
        let first = |names: &[&'static str]| {
            let mut present = names
                .iter()
                .filter_map(|&name| Some((name, variable(name)?)));
            present.next()
        };
        let mut except = self.except.clone().unwrap_or_default();
        let (name, url) = match (&self.own, self.uses_env) {
            (Some(_), true) => {
                return conflict("`proxy` and `proxy_from_env` both name a proxy: leave one out");
            }
            (Some(own), false) => ("`proxy`", own.clone()),
            (None, true) => match first(&PROXY) {
                // An empty variable is a wish for none.
                Some((name, url)) if !url.is_empty() => {
                    except = format!("{except},{}", first(&NO_PROXY).unwrap_or_default().1);
                    (name, Zeroizing::new(url))
                }
                _ => return Ok(None),
            },
            (None, false) if self.except.is_some() => {
                return conflict("`no_proxy` has exceptions from a proxy, and none is set");
            }
            (None, false) => return Ok(None),
        };
        // The text is not repeated: a password may be in it.
        let proxy = Proxy::read(&url, &except).map_err(|problem| {
            ConfigError::InvalidSetting(format!(
                "{name}: {problem}, like http://proxy.internal:3128"
            ))
        })?;
        tracing::info!(
            target: "countersign",
            proxy = host_of(&url), except, "keys are fetched through a proxy"
        );
        Ok(Some(proxy))
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("is_set", &self.own.is_some())
            .field("except", &self.except)
            .field("uses_env", &self.uses_env)
            .finish()
    }
}

/// A proxy, and the hosts that are reached without it.
pub(super) struct Proxy(Matcher);

impl Proxy {
    /// # Errors
    ///
    /// The fault in the text, for the developer. It does not contain the text.
    fn read(url: &str, except: &str) -> Result<Self, &'static str> {
        check(url)?;
        let mut builder = Matcher::builder().https(url);
        let entries: Vec<&str> = except.split(',').filter_map(exception).collect();
        if entries.contains(&"*") {
            // The matcher would leave addresses out.
            builder = Matcher::builder();
        }
        Ok(Self(builder.no(entries.join(",")).build()))
    }

    fn for_host_of(&self, destination: &Uri) -> Option<Intercept> {
        let is_this_machine = destination.host().is_none_or(url::is_loopback);
        self.0.intercept(destination).filter(|_| !is_this_machine)
    }
}

/// Checks the URL of a proxy more strictly than its later reader, which would take a part of a password for a host.
fn check(url: &str) -> Result<(), &'static str> {
    let rest = match url.split_once("://") {
        None => url,
        Some(("http" | "https", rest)) => rest,
        Some(_) => return Err("a proxy is asked by http or https"),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    if user.contains(['@', '/', '?', '#']) {
        return Err("in user and password, write @ as %40, / as %2F, ? as %3F and # as %23");
    }
    if host.contains(['/', '?', '#']) || user.contains(char::is_whitespace) {
        return Err("it is no URL of a proxy: scheme, host and port");
    }
    url::is_allowed(&format!("https://{host}"), PlainHttp::Anywhere)
}

/// Returns the host and the port of a checked URL.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

/// Returns a host as the matcher takes it: a name counts with its subdomains, whatever the port.
fn exception(entry: &str) -> Option<&str> {
    let entry = entry.trim();
    let entry = entry
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(entry);
    let entry = match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => host,
        _ => entry,
    };
    Some(entry).filter(|entry| !entry.is_empty())
}

/// Connects to the host of a URL, or has a proxy do it (CONNECT, RFC 9110 section 9.3.6).
///
/// Only `https` goes through a proxy, so that it sees names and lengths, and can change nothing.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) direct: HttpConnector<Resolver>,
    pub(super) to_proxy: HttpsConnector<HttpConnector<Resolver>>,
    pub(super) proxy: Option<Arc<Proxy>>,
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type ConnectError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), ConnectError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let proxy = self.proxy.as_ref();
        let Some(proxy) = proxy.and_then(|proxy| proxy.for_host_of(&destination)) else {
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

    const ID: &str = "https://id.example";

    fn from(variables: &[(&str, &str)]) -> Result<Option<Proxy>, ConfigError> {
        let settings = ProxySettings {
            uses_env: true,
            ..ProxySettings::default()
        };
        settings.proxy_with(|wanted| {
            let mut all = variables.iter();
            Some(all.find(|(name, _)| *name == wanted)?.1.to_owned())
        })
    }

    /// Returns the proxy that is asked for a URL.
    fn asked(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxy = from(variables).expect("readable")?;
        let asked = proxy.for_host_of(&url.parse().expect("a URL"))?;
        Some(asked.uri().to_string())
    }

    #[test]
    fn the_first_variable_that_is_there_counts() {
        let one = Some("http://p:3128/".to_owned());
        for name in PROXY {
            let variables = [(name, "http://p:3128"), ("all_proxy", "http://later:1")];
            assert_eq!(asked(&variables, ID), one, "{name}");
        }
        let none = [("HTTPS_PROXY", ""), ("ALL_PROXY", "http://p:3128")];
        assert_eq!(asked(&none, ID), None);
        // It is for http, which no provider on the internet speaks.
        assert_eq!(asked(&[("HTTP_PROXY", "http://p:3128")], ID), None);
        assert_eq!(asked(&[("NO_PROXY", "a.example")], ID), None);
    }

    #[test]
    fn an_exception_is_a_host_with_its_subdomains_or_a_network() {
        let with = |except| [("HTTPS_PROXY", "p:3128"), ("NO_PROXY", except)];
        let hosts =
            with("corp.example, *.wild.example,.dot.example,port.example:8443,10.0.0.0/8,::1");
        for direct in [
            "https://corp.example",
            "https://id.corp.example",
            "https://id.wild.example",
            "https://id.dot.example",
            "https://port.example:8443",
            "https://10.1.2.3",
        ] {
            assert_eq!(asked(&hosts, direct), None, "{direct}");
        }
        for through in [
            "https://notcorp.example",
            "https://11.1.2.3",
            "https://[2001:db8::1]",
        ] {
            assert!(asked(&hosts, through).is_some(), "{through}");
        }
        for all in [ID, "https://10.1.2.3", "https://[2001:db8::1]"] {
            assert_eq!(asked(&with("a.example, *"), all), None, "{all}");
        }
        for this_machine in ["https://localhost", "https://127.0.0.2", "https://[::1]"] {
            assert_eq!(asked(&with(""), this_machine), None);
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_not_repeated() {
        for text in [
            "http://",
            "http:///",
            "socks5://ada:secret@p:1080",
            "ftp://secret",
            "secret word",
            "http://ada:se cret@p",
            "http://ada:secret@p:99999",
            "http://p:3128/secret",
            // A later reader would end the host at the first of these.
            "http://ada:se/secret@p:3128",
            "http://ada:se?secret@p:3128",
            "http://ada:se#secret@p:3128",
            "http://ada:se@secret@p:3128",
            "http://169.254.169.254",
        ] {
            let refused = from(&[("HTTPS_PROXY", text)]).map(|_| ()).expect_err(text);
            let refused = refused.to_string();
            assert!(refused.contains("HTTPS_PROXY"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
        for (text, shown) in [
            ("http://ada:se%2Fcret@p:3128", "p:3128"),
            ("https://[::1]:3128/", "[::1]:3128/"),
            ("p", "p"),
        ] {
            assert!(from(&[("HTTPS_PROXY", text)]).is_ok(), "{text}");
            assert_eq!(host_of(text), shown);
        }
        let mut settings = ProxySettings::default();
        settings.set_url("http://ada:secret@p".to_owned());
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let none = |_: &str| None;
        let mut settings = ProxySettings::default();
        settings.set_exceptions("a.example".to_owned());
        assert!(settings.proxy_with(none).is_err());
        // The environment may have none: exceptions are no mistake then.
        settings.use_env();
        assert!(matches!(settings.proxy_with(none), Ok(None)));
        settings.set_url("http://p:3128".to_owned());
        assert!(settings.proxy_with(none).is_err());
        settings.uses_env = false;
        assert!(matches!(settings.proxy_with(none), Ok(Some(_))));
    }
}

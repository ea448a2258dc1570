//! The settings of the HTTP client.

use std::{fmt, io, sync::Arc, time::Duration};

use hyper::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use zeroize::Zeroizing;

use super::{
    client::{HeaderValueSource, HttpFetch},
    proxy::{Connector, ProxySettings},
    resolver::Resolver,
};
use crate::error::ConfigError;

/// The settings of an [`HttpFetch`]. Made by [`HttpFetch::builder`].
#[must_use = "nothing is built yet"]
pub struct HttpFetchBuilder {
    roots: Vec<Vec<u8>>,
    headers: Vec<(String, Zeroizing<String>)>,
    asked_for: Vec<(String, Arc<HeaderValueSource>)>,
    user_agent: String,
    proxy: ProxySettings,
}

impl HttpFetchBuilder {
    pub(super) fn new() -> Self {
        Self {
            roots: Vec::new(),
            headers: Vec::new(),
            asked_for: Vec::new(),
            user_agent: concat!("countersign/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: ProxySettings::default(),
        }
    }

    /// Trusts the certificates of a PEM, too: a company's own authority, or a self-signed server.
    ///
    /// The system's roots stay trusted.
    pub fn root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Sends a header with every request. Its value is kept out of logs.
    ///
    /// Every request means the metadata and the keys, also when these are at another host, or reached by plain
    /// [`http`](crate::remote::RemoteKeysBuilder::private_http).
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers
            .push((name.into(), Zeroizing::new(value.into())));
        self
    }

    /// Sends a header whose value is asked for before each request, in a thread that may block: one in a file
    /// that changes, for example. It is kept out of logs.
    ///
    /// A fetch without the value fails with [`FetchErrorKind::Header`](crate::remote::FetchErrorKind::Header); the
    /// error of `value` is then in the log. Its text must not contain a secret.
    ///
    /// # Examples
    ///
    /// The keys of a Kubernetes cluster. The token in the file changes every hour.
    ///
    /// ```
    /// use std::fs;
    /// use countersign::remote::HttpFetch;
    ///
    /// const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    ///
    /// # fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let fetch = HttpFetch::builder()
    ///     .root_certificate_pem(fs::read(format!("{ACCOUNT}/ca.crt"))?)
    ///     .header_from("authorization", || {
    ///         let token = fs::read_to_string(format!("{ACCOUNT}/token"))?;
    ///         Ok(format!("Bearer {}", token.trim_end()))
    ///     })
    ///     .build()?;
    /// # drop(fetch);
    /// # Ok(()) }
    /// ```
    pub fn header_from(
        mut self,
        name: impl Into<String>,
        value: impl Fn() -> io::Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.asked_for.push((name.into(), Arc::new(value)));
        self
    }

    /// Reaches `https` providers through a proxy: `http://proxy.internal:3128`, with `user:password@` if it asks
    /// for them (percent-encoded: `%40` for `@`, `%2F` for `/`), or an `https` URL if the proxy itself speaks TLS. Default: none.
    ///
    /// The proxy gets a CONNECT (RFC 9110 section 9.3.6), and passes on what it cannot read: the certificate is
    /// the provider's, checked as without a proxy. It also looks the name up, so that the addresses of names
    /// are not checked here. Plain `http` and this machine are reached without it.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy.set_url(url.into());
        self
    }

    /// Reaches these hosts without the [`proxy`](Self::proxy), separated by commas: names, which include their
    /// subdomains, addresses, networks (`10.0.0.0/8`), or `*`.
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.proxy.set_exceptions(hosts.into());
        self
    }

    /// Takes the proxy and more exceptions from the environment when the client is built: the first of
    /// `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and `all_proxy` that is set, and of `NO_PROXY` and `no_proxy`. An empty
    /// one is none.
    ///
    /// Not the default: whoever sets the environment of a process could see which provider it asks, and choose
    /// where its names lead.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::remote::HttpFetch;
    ///
    /// let fetch = HttpFetch::builder().proxy_from_env().build()?;
    /// # drop(fetch);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn proxy_from_env(mut self) -> Self {
        self.proxy.use_env();
        self
    }

    /// The value of `User-Agent`. Default: `countersign/` and the version.
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = text.into();
        self
    }

    /// Reads the system's roots, and builds the client.
    ///
    /// A system without roots is a warning in the log: every certificate is refused then.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when a PEM has no certificate or one that cannot be read,
    /// when HTTP does not allow a header or the user agent, when the client itself sets the header, or when the
    /// proxy is no `http` or `https` URL of a host. [`ConfigError::Conflict`] for two proxies, or exceptions without one.
    pub fn build(self) -> Result<HttpFetch, ConfigError> {
        let headers = self.header_map()?;
        let asked_for = self.asked_for.iter().map(|(name, source)| {
            let name = own_name(name)?;
            Ok((name, Arc::clone(source)))
        });
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(LONGEST_HEAD)
            .retry_canceled_requests(false);
        Ok(HttpFetch {
            asked_for: asked_for.collect::<Result<_, ConfigError>>()?,
            client: builder.build(self.connector()?),
            private: builder.build(tcp(Resolver::private())),
            headers,
        })
    }

    fn connector(&self) -> Result<HttpsConnector<Connector>, ConfigError> {
        // Named here: the default of the process belongs to the app, and may not be set.
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(format!("TLS: {error}")))?
            .with_root_certificates(self.root_store()?)
            .with_no_client_auth();
        let mut tcp = tcp(Resolver::default());
        tcp.enforce_http(false);
        // `HttpFetch::check` decides which URLs may be plain http.
        let https = || {
            let builder = HttpsConnectorBuilder::new().with_tls_config(tls.clone());
            builder.https_or_http().enable_http1()
        };
        let connector = Connector {
            to_proxy: https().wrap_connector(tcp.clone()),
            direct: tcp,
            proxy: self.proxy.proxy()?.map(Arc::new),
        };
        Ok(https().wrap_connector(connector))
    }

    fn header_map(&self) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = own_name(name)?;
            // The error must not contain the value.
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| invalid(format!("the value of {name} is not visible ASCII")))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let user_agent = HeaderValue::from_str(&self.user_agent)
            .map_err(|_| invalid(format!("{:?} is no user agent", self.user_agent)))?;
        headers.insert(header::USER_AGENT, user_agent);
        headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        Ok(headers)
    }

    fn root_store(&self) -> Result<RootCertStore, ConfigError> {
        let mut roots = RootCertStore::empty();
        for pem in &self.roots {
            let before = roots.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate
                    .map_err(|error| invalid(format!("a root certificate's PEM: {error}")))?;
                roots
                    .add(certificate)
                    .map_err(|error| invalid(format!("a root certificate: {error}")))?;
            }
            if roots.len() == before {
                return Err(invalid("there is no certificate in the PEM of the roots"));
            }
        }
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            tracing::warn!(
                errors = ?system.errors,
                "the system trusts no certificate authority: https will fail; \
                 install `ca-certificates`, or set SSL_CERT_FILE"
            );
        }
        Ok(roots)
    }
}

impl fmt::Debug for HttpFetchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.headers.iter().map(|(name, _)| &**name);
        let asked_for = self.asked_for.iter().map(|(name, _)| &**name);
        let names: Vec<&str> = set.chain(asked_for).collect();
        f.debug_struct("HttpFetchBuilder")
            .field("roots", &self.roots.len())
            .field("headers", &names)
            .field("user_agent", &self.user_agent)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Checks the name of a header of the app.
fn own_name(name: &str) -> Result<HeaderName, ConfigError> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| invalid(format!("{name:?} is no name of a header")))?;
    if OWN_HEADERS.contains(&name.as_str()) {
        return Err(invalid(format!("the header {name} is not yours to set")));
    }
    Ok(name)
}

fn tcp(resolver: Resolver) -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

fn invalid(problem: impl Into<String>) -> ConfigError {
    ConfigError::InvalidSetting(problem.into())
}

const ACCEPT: &str = "application/json, application/jwk-set+json";

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// Less than the caller's time, so that some is left for the second address of a name.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The headers that decide how a message is read, or what it means, and those that have a setting.
const OWN_HEADERS: [&str; 17] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-modified-since",
    "if-none-match",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

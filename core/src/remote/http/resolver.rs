//! The resolver of names, which refuses addresses at which no provider can be.

use std::{
    error::Error,
    future::{self, Future},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use super::url;

/// The system's resolver, or another one, with rules.
///
/// It checks the very addresses that are connected to, so a name that resolves differently the next
/// time gains nothing. An address in a URL is not resolved: [`url::is_allowed`] checks it.
#[derive(Clone)]
pub(super) struct Resolver<R = GaiResolver> {
    names: R,
    check: fn(IpAddr) -> Result<(), ForbiddenAddress>,
}

/// A name leads to an address that may not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForbiddenAddress {
    #[error("the host leads to {0}, where no provider can be")]
    Nowhere(IpAddr),
    #[error("the host leads to {0}, which is no private address: use https")]
    Public(IpAddr),
}

impl Default for Resolver {
    fn default() -> Self {
        Self::any(GaiResolver::new())
    }
}

impl Resolver {
    /// Makes the resolver for plain http in private networks.
    pub(super) fn private() -> Self {
        Self::private_only(GaiResolver::new())
    }
}

impl<R> Resolver<R> {
    /// Allows each address at which a provider can be.
    fn any(names: R) -> Self {
        let check = |address| match url::is_forbidden(address) {
            true => Err(ForbiddenAddress::Nowhere(address)),
            false => Ok(()),
        };
        Self { names, check }
    }

    /// Allows private addresses.
    fn private_only(names: R) -> Self {
        let check = |address| match url::is_private(address) {
            true => Ok(()),
            false if url::is_forbidden(address) => Err(ForbiddenAddress::Nowhere(address)),
            false => Err(ForbiddenAddress::Public(address)),
        };
        Self { names, check }
    }
}

impl<R> Service<Name> for Resolver<R>
where
    R: Service<Name, Response: Iterator<Item = SocketAddr>>,
    R::Error: Into<BoxError>,
    R::Future: Send + 'static,
{
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.names.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if url::is_localhost(name.as_str()) {
            // RFC 6761 section 6.3. The port is the connector's to set.
            let addresses = vec![
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
            ];
            return Box::pin(future::ready(Ok(addresses.into_iter())));
        }
        let check = self.check;
        let found = self.names.call(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = found.await.map_err(Into::into)?.collect();
            addresses.iter().try_for_each(|found| check(found.ip()))?;
            Ok(addresses.into_iter())
        })
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use http_body_util::Empty;
    use hyper::body::Bytes;
    use hyper_util::{
        client::legacy::{Client, connect::HttpConnector},
        rt::TokioExecutor,
    };

    use super::*;
    use crate::remote::http::{client::not_answered, fetch::FetchErrorKind};

    /// Finds the same addresses for each name, or none for the same reason.
    #[derive(Clone)]
    struct Fixed(Result<Vec<SocketAddr>, ErrorKind>);

    impl Service<Name> for Fixed {
        type Response = vec::IntoIter<SocketAddr>;
        type Error = io::Error;
        type Future = future::Ready<io::Result<Self::Response>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Name) -> Self::Future {
            let found = self.0.clone().map(Vec::into_iter);
            future::ready(found.map_err(io::Error::from))
        }
    }

    fn fixed(addresses: &[&str]) -> Resolver<Fixed> {
        let parse = |address: &&str| SocketAddr::new(address.parse().unwrap(), 0);
        Resolver::any(Fixed(Ok(addresses.iter().map(parse).collect())))
    }

    async fn found(addresses: &[&str], name: &str) -> Result<Vec<String>, String> {
        let found = fixed(addresses).call(name.parse().unwrap()).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.map(|found| found.ip().to_string()).collect())
    }

    #[tokio::test]
    async fn a_name_is_refused_when_one_of_its_addresses_is() {
        let name = "login.example";
        for bad in [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:169.254.169.254",
        ] {
            assert!(found(&[bad], name).await.is_err(), "{bad}");
            assert!(found(&["192.0.2.1", bad], name).await.is_err(), "{bad}");
        }
        for good in [
            "192.0.2.1",
            "10.0.0.7",
            "127.0.0.1",
            "2001:db8::1",
            "fd00::1",
        ] {
            assert_eq!(found(&[good], name).await.unwrap(), [good]);
        }
        assert!(found(&[], name).await.unwrap().is_empty());
    }

    fn private(addresses: &[&str]) -> Resolver<Fixed> {
        Resolver::private_only(fixed(addresses).names)
    }

    #[tokio::test]
    async fn a_name_in_a_private_network_has_private_addresses_only() {
        let found = |addresses: &'static [&str]| async {
            let found = private(addresses).call("keycloak".parse().unwrap()).await;
            found
                .map(Iterator::count)
                .map_err(|error| error.to_string())
        };
        assert_eq!(found(&["10.0.0.7"]).await, Ok(1));
        assert_eq!(found(&["10.0.0.7", "fd00::7", "192.168.0.7"]).await, Ok(3));
        assert_eq!(
            found(&["10.0.0.7", "192.0.2.1"]).await.unwrap_err(),
            "the host leads to 192.0.2.1, which is no private address: use https"
        );
        assert_eq!(
            found(&["169.254.169.254"]).await.unwrap_err(),
            "the host leads to 169.254.169.254, where no provider can be"
        );
        for bad in [&["2001:db8::1"][..], &["100.64.0.1"], &["fd00:ec2::254"]] {
            assert!(found(bad).await.is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn localhost_is_this_machine_whatever_the_system_says() {
        for name in ["localhost", "LocalHost"] {
            let found = found(&["192.0.2.1"], name).await;
            assert_eq!(found.unwrap(), ["127.0.0.1", "::1"]);
        }
        let found = found(&["192.0.2.1"], "localhost.example").await;
        assert_eq!(found.unwrap(), ["192.0.2.1"]);
    }

    /// Returns the error of a client for these addresses.
    async fn refused(resolver: Resolver<Fixed>) -> FetchErrorKind {
        let connector = HttpConnector::new_with_resolver(resolver);
        let client: Client<_, Empty<Bytes>> =
            Client::builder(TokioExecutor::new()).build(connector);
        // Nobody listens at port 1 of a loopback address.
        let url = "http://login.example:1/".parse().unwrap();
        not_answered(client.get(url).await.unwrap_err()).kind()
    }

    #[tokio::test]
    async fn a_client_says_why_a_name_leads_nowhere() {
        for (resolver, kind) in [
            (fixed(&["169.254.169.254"]), FetchErrorKind::Forbidden),
            (fixed(&["127.0.0.1"]), FetchErrorKind::Connect),
            (private(&["127.0.0.1"]), FetchErrorKind::Connect),
            (private(&["192.0.2.1"]), FetchErrorKind::Forbidden),
            (
                private(&["127.0.0.1", "192.0.2.1"]),
                FetchErrorKind::Forbidden,
            ),
            (
                Resolver::any(Fixed(Err(ErrorKind::NotFound))),
                FetchErrorKind::Connect,
            ),
            (
                Resolver::any(Fixed(Err(ErrorKind::TimedOut))),
                FetchErrorKind::Timeout,
            ),
        ] {
            assert_eq!(refused(resolver).await, kind);
        }
    }
}

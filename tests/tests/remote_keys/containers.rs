//! Docker's usual set-up: tokens name `http://localhost:8080`, and the API fetches the keys from the container.

use std::{
    io::{Write, stderr},
    net::TcpStream,
};

use countersign::{
    Authenticator, Provider, RemoteKeys, Verifier,
    remote::{Fetch, FetchError, FetchRequest, FetchResponse, HttpFetch, RemoteKeysBuilder},
    testing::{JwksServer, TestIssuer},
};
use countersign_tests::{Entry, Request};
use tokio::runtime::Runtime;

/// The issuer, as browsers know it.
const ISSUER: &str = "http://localhost:8080";

/// The network of the containers: it knows the name `keycloak`.
struct Network(String);

impl Fetch for Network {
    async fn get(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        assert!(request.allows_private_http());
        let url = request.url().replace("http://keycloak:8080", &self.0);
        let request = FetchRequest::new(url, request.max_bytes()).unless(request.etag());
        HttpFetch::default().get(request).await
    }
}

/// Checks that every framework accepts the tokens of localhost with these keys, and no others.
fn check(server: &JwksServer, keys: RemoteKeysBuilder) {
    let runtime = Runtime::new().unwrap();
    let keys = runtime.block_on(async {
        let keys = keys.private_http().build().unwrap();
        keys.ready().await.unwrap();
        keys
    });
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder(keys)
        .provider(Provider::new(ISSUER))
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build();
    let authenticator = Authenticator::new(verifier.unwrap());
    for (named, status) in [(ISSUER, 200), ("http://keycloak:8080", 401)] {
        let token = issuer.token().issuer(named).signed_by(&server.key());
        for entry in Entry::ALL {
            let answer = entry.send(&authenticator, &Request::bearer(&token));
            assert_eq!(answer.status, status, "{entry:?}, {named}");
        }
    }
}

#[test]
fn the_keys_of_a_container_verify_tokens_of_localhost() {
    let server = JwksServer::start();
    let network = Network(format!("http://{}", server.address()));
    let refused = RemoteKeys::jwks("http://keycloak:8080/jwks").build();
    assert!(refused.unwrap_err().to_string().contains("use https"));
    let keys = RemoteKeys::jwks("http://keycloak:8080/jwks").fetch(network);
    check(&server, keys);
}

/// No name leads from every machine to a private address that is not this machine's own, so an address does.
#[test]
fn the_client_fetches_them_from_a_private_address() {
    let server = JwksServer::start();
    let port = server.address().port();
    if TcpStream::connect(("::ffff:127.0.0.1", port)).is_err() {
        let why = "there is no IPv6 on this machine";
        writeln!(stderr(), "left out: keys from a private address: {why}").unwrap();
        return;
    }
    check(
        &server,
        RemoteKeys::jwks(format!("http://[::ffff:127.0.0.1]:{port}/jwks")),
    );
}

/// The machine's own name is one that only its network knows.
#[cfg(target_os = "linux")]
#[test]
fn the_client_fetches_them_by_a_name() {
    let server = JwksServer::start();
    let port = server.address().port();
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name == "localhost" || TcpStream::connect((&*name, port)).is_err() {
        let why = "the name of this machine does not lead to it";
        writeln!(stderr(), "left out: keys by a name: {why}").unwrap();
        return;
    }
    let url = format!("http://{name}:{port}/jwks");
    let refused = RemoteKeys::jwks(&url).build();
    assert!(refused.unwrap_err().to_string().contains("http"));
    check(&server, RemoteKeys::jwks(url));
}

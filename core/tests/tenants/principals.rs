//! Tests of kept principals of tenants' users, and of the sources of their tokens.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use countersign::{
    AuthErrorKind, Authenticator, Clock, DynamicIssuers, Issuers, OpaqueIdentity, OpaqueToken,
    OpaqueTokenError, OpaqueTokens, PrincipalError, PrincipalResolver, Revocation, TokenSource,
    TokenSubject,
    adapter::RequestHead,
    revocation::{RevocationEntry, Revoked},
    session::Realm,
};

use crate::app::{App, ask, issuer, names};

/// An authenticator that counts how often it looks for a principal.
fn with_principals(tenants: &DynamicIssuers) -> (Authenticator, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let users = PrincipalResolver::of_subject(move |_: TokenSubject| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<_, PrincipalError>(number) }
    });
    let authenticator = Authenticator::new(Issuers::dynamic(tenants.clone())).principal(users);
    (authenticator, asked)
}

fn revoke(list: &Revocation, tenant: &str, issued_before: i64) {
    let revoked = Revoked::Subject {
        realm: Realm::new(issuer(tenant)).unwrap(),
        subject: "user-1".to_owned(),
        issued_before,
    };
    let until = issued_before + 1_000;
    list.revoke(&RevocationEntry { revoked, until }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_revocation_in_a_tenants_list_drops_the_kept_principal() {
    let app = App::new(&[]);
    let tenants = app.builder().build().unwrap();
    let (authenticator, asked) = with_principals(&tenants);
    let list = || {
        let list = Revocation::local().clock(app.keys.clock().clone());
        list.build().unwrap()
    };
    let (a, b) = (list(), list());
    for (tenant, list) in [("a", &a), ("b", &b)] {
        let verifier = app.verifier(&issuer(tenant)).revocation(list.clone());
        tenants.add(&verifier.build().unwrap()).unwrap();
    }
    let (token_a, token_b) = (app.token("a"), app.token("b"));
    for _ in 0..2 {
        ask(&authenticator, &token_a).await.unwrap();
        ask(&authenticator, &token_b).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // The tokens are younger than the revocation, and stay good.
    let before = app.keys.clock().now() - 1;
    revoke(&a, "a", before);
    for _ in 0..2 {
        ask(&authenticator, &token_a).await.unwrap();
        ask(&authenticator, &token_b).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    // The list of another verifier has counted nothing yet, so nobody can tell what was revoked in between.
    let other = list();
    let verifier = app.verifier(&issuer("a")).revocation(other.clone());
    tenants.add(&verifier.build().unwrap()).unwrap();
    revoke(&other, "a", before);
    for _ in 0..2 {
        ask(&authenticator, &token_a).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    // One that includes the tokens refuses them.
    revoke(&other, "a", before + 10);
    let refused = ask(&authenticator, &token_a).await.unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::Revoked);
}

/// A request with a token in the header or the cookie.
struct Head<'t> {
    header: &'static str,
    token: &'t str,
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == self.header {
            visit(self.token.as_bytes());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_opaque_token_is_of_no_tenant_wherever_it_comes() {
    let app = App::new(&["a"]);
    let check = async |_: OpaqueToken| Ok::<_, OpaqueTokenError>(OpaqueIdentity::new("ada"));
    let cookie = TokenSource::cookie("access");
    let authenticator = Authenticator::new(Issuers::dynamic(app.builder().build().unwrap()))
        .source(TokenSource::bearer().or(cookie.clone()))
        .source_for_dynamic(cookie)
        .unwrap()
        .opaque_tokens(OpaqueTokens::prefixed("sk_", check).name("api_key"))
        .unwrap();
    let a = app.token("a");
    for (token, header, is_allowed) in [
        ("sk_x", "authorization", true),
        ("sk_x", "cookie", true),
        (&*a, "authorization", false),
        (&*a, "cookie", true),
    ] {
        let text = match header {
            "cookie" => format!("access={token}"),
            _ => format!("Bearer {token}"),
        };
        let head = Head {
            header,
            token: &text,
        };
        let verdict = authenticator
            .check(&head)
            .await
            .map_err(|error| error.kind());
        assert_eq!(verdict.is_ok(), is_allowed, "{header}: {verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_tokens_of_tenants_count_where_they_should() {
    let app = App::new(&["a", "b"]);
    let login = app.verifier("https://login.example").build().unwrap();
    let tenants = app.builder().build().unwrap();
    let issuers = Issuers::new([login])
        .unwrap()
        .with_dynamic(tenants)
        .unwrap();
    let cookie = TokenSource::cookie("access");
    let everywhere = Authenticator::new(issuers)
        .source(TokenSource::bearer().or(cookie.clone()))
        .source_for("https://login.example", cookie.clone())
        .unwrap();
    let separate = everywhere
        .clone()
        .source_for_dynamic(TokenSource::bearer())
        .unwrap()
        .source_for(issuer("b"), cookie)
        .unwrap();
    let (login, a, b) = (
        app.token_of("https://login.example"),
        app.token("a"),
        app.token("b"),
    );
    for (authenticator, token, in_header, in_cookie) in [
        (&everywhere, &login, false, true),
        (&everywhere, &a, true, true),
        (&separate, &login, false, true),
        (&separate, &a, true, false),
        // Its own source is more than that of all of them.
        (&separate, &b, false, true),
    ] {
        for (header, text, is_allowed) in [
            ("authorization", format!("Bearer {token}"), in_header),
            ("cookie", format!("access={token}"), in_cookie),
        ] {
            let verdict = authenticator
                .check(&Head {
                    header,
                    token: &text,
                })
                .await;
            let expected = Some(AuthErrorKind::UnknownIssuer).filter(|_| !is_allowed);
            assert_eq!(
                verdict.err().map(|error| error.kind()),
                expected,
                "{header}"
            );
        }
    }
    let fixed = Authenticator::new(app.verifier("https://login.example").build().unwrap());
    names(
        fixed.clone().source_for_dynamic(TokenSource::bearer()),
        "`source_for_dynamic`",
    );
    // No token of a resolver's issuer has such a name.
    let dynamic = Authenticator::new(Issuers::dynamic(app.builder().build().unwrap()));
    names(
        dynamic
            .clone()
            .source_for("http://a.example", TokenSource::bearer()),
        "`source_for`",
    );
    assert!(
        dynamic
            .source_for("https://a.example", TokenSource::bearer())
            .is_ok()
    );
}

//! The name of an issuer that a resolver may be asked about. Input: lines with a name, a pattern of tenants, and a tenant.

#![no_main]

use countersign::{Tenants, fuzzing};
use libfuzzer_sys::{Corpus, fuzz_target};
use url::{Host, Url};

fuzz_target!(|text: &str| -> Corpus {
    let mut lines = text.splitn(3, '\n');
    let (Some(issuer), Some(pattern), Some(tenant)) = (lines.next(), lines.next(), lines.next())
    else {
        return Corpus::Reject;
    };
    check(issuer);
    if let Ok(tenants) = Tenants::pattern(pattern, [tenant]) {
        let own = pattern.replace("{tenant}", tenant);
        assert_eq!(tenants.tenant_of(&own), Some(tenant));
        if pattern.starts_with("https:") && own.len() <= 512 {
            assert_eq!(fuzzing::issuer_name(&own), Ok(()), "{own}");
        }
        check(&own);
        if tenants.tenant_of(issuer).is_some() {
            assert_eq!(issuer, own);
        }
    }
    Corpus::Keep
});

/// Checks that no other reader makes another name of one that is accepted.
fn check(issuer: &str) {
    if fuzzing::issuer_name(issuer).is_err() {
        return;
    }
    assert!(issuer.len() <= 512);
    let uri: http::Uri = issuer.parse().expect("a URL for hyper");
    let authority = uri.authority().expect("an authority");
    let rest = issuer.strip_prefix("https://").expect("https");
    assert!(rest.starts_with(authority.as_str()));
    // The `url` crate reads names in Punycode in its own way.
    if authority
        .as_str()
        .split('.')
        .any(|label| label.starts_with("xn--"))
    {
        return;
    }
    let url = Url::parse(issuer).expect("a URL");
    let written = url.as_str();
    // It adds the path that is not there.
    assert!(
        written == issuer || written.strip_suffix('/') == Some(issuer),
        "{written}"
    );
    assert!(matches!(url.host(), Some(Host::Domain(_))), "{url}");
    assert_eq!((url.username(), url.password()), ("", None));
    assert_eq!((url.query(), url.fragment()), (None, None));
}

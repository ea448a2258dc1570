//! A SPIFFE ID, and its trust domain.

#![no_main]

use countersign::fuzzing::trust_domain_of;
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|data: &[u8]| {
    let Ok(id) = str::from_utf8(data) else { return };
    let Some(domain) = trust_domain_of(id) else {
        return;
    };
    // It is written as the URL that it is, and has nothing else than a host and a path.
    let url = Url::parse(id).expect("a URL");
    assert_eq!(url.as_str(), id);
    assert_eq!(url.scheme(), "spiffe");
    let host = url.host_str().expect("a host");
    assert_eq!(domain, format!("spiffe://{host}"));
    assert_eq!(id, format!("{domain}{}", url.path()));
    assert!(url.path().len() > 1 && !url.path().ends_with('/') && !url.path().contains("//"));
    assert!(url.username().is_empty() && url.password().is_none() && url.port().is_none());
    assert!(url.query().is_none() && url.fragment().is_none());
    assert!(id.len() <= 2_048 && host == host.to_ascii_lowercase());
});

use proptest::prelude::*;

use super::*;

fn is_allowed(url: &str) -> Result<(), &'static str> {
    super::is_allowed(url, PlainHttp::Loopback)
}

fn check_url(url: &str) -> Result<(), ConfigError> {
    super::check_url(url, PlainHttp::Loopback)
}

#[test]
fn plain_http_goes_to_private_addresses_where_that_is_allowed() {
    let private = |url: &str| super::is_allowed(url, PlainHttp::Private);
    for good in [
        "http://localhost:8080/jwks",
        "http://127.0.0.1/jwks",
        "http://10.0.0.7/jwks",
        "http://10.255.255.255/jwks",
        "http://172.16.0.1/jwks",
        "http://172.31.255.255/jwks",
        "http://192.168.1.1/jwks",
        "http://[fd00::1]/jwks",
        "http://[::ffff:10.0.0.7]/jwks",
        // Names are checked when they are resolved.
        "http://keycloak:8080/jwks",
        "http://auth.default.svc/jwks",
        "http://login.example/jwks",
        "https://192.0.2.1/jwks",
    ] {
        assert_eq!(private(good), Ok(()), "{good}");
    }
    for bad in [
        "http://9.255.255.255/jwks",
        "http://11.0.0.0/jwks",
        "http://172.15.255.255/jwks",
        "http://172.32.0.0/jwks",
        "http://192.167.255.255/jwks",
        "http://192.169.0.0/jwks",
        "http://192.0.2.1/jwks",
        "http://100.64.0.1/jwks",
        "http://169.254.169.254/latest",
        "http://0.0.0.0/jwks",
        "http://[2001:db8::1]/jwks",
        "http://[fe80::1]/jwks",
        "http://[fc00::1%25eth0]/jwks",
        "http://[fd00:ec2::254]/latest",
        "http://[::ffff:192.0.2.1]/jwks",
        "http://[64:ff9b::10.0.0.7]/jwks",
        "http://user@keycloak/jwks",
        "http://10.1/jwks",
    ] {
        assert!(private(bad).is_err(), "{bad}");
    }
    // With https, an address may be public; no address that is forbidden is allowed by any rule.
    let anywhere = |url: &str| super::is_allowed(url, PlainHttp::Anywhere);
    assert_eq!(anywhere("http://192.0.2.1/jwks"), Ok(()));
    assert!(anywhere("http://169.254.169.254/latest").is_err());
}

#[test]
fn a_url_is_https_or_http_to_this_machine() {
    for good in [
        "https://login.example",
        "https://login.example/",
        "https://Login.Example:8443/realms/a/certs?appid=1",
        "https://login.example?x=@",
        "https://login.example/a@b:c",
        "https://xn--bcher-kva.example/a%20b",
        "https://192.0.2.1/jwks",
        "https://10.0.0.7/jwks",
        "https://[2001:db8::1]:8443/jwks",
        "https://localhost/jwks",
        "https://a.1.example./jwks",
        "https://example.0xyz/jwks",
        "http://localhost/jwks",
        "http://LOCALHOST:8080/jwks",
        "http://127.0.0.1:8080/jwks",
        "http://127.255.255.254/jwks",
        "http://[::1]:8080/jwks",
    ] {
        assert_eq!(is_allowed(good), Ok(()), "{good}");
        assert!(host(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "login.example/jwks",
        "/jwks",
        "//login.example/jwks",
        "https:login.example",
        "https:/login.example",
        "https://",
        "https:///jwks",
        "https://:443/jwks",
        "HTTPS://login.example",
        "ftp://login.example",
        "file:///etc/passwd",
        "data:application/json,{}",
        " https://login.example",
        "https://login.example ",
        "https://login.example/\r\nhost: other",
        "https://login.example/a b",
        "https://login.example\\@other.example",
        "https://login.example/#fragment",
        "https://login.example#@other.example",
        "https://user@login.example",
        "https://user:password@login.example",
        "https://@login.example",
        "https://login.example:",
        "https://login.example:0",
        "https://login.example:080",
        "https://login.example:+1",
        "https://login.example:65536",
        "https://login.example:a",
        "https://a:b:1",
        "https://.",
        "https://b\u{fc}cher.example",
        "https://login%2eexample",
        "https://*.example",
        "https://[::1",
        "https://[::1]x",
        "https://[fe80::1%25eth0]",
        "https://[127.0.0.1]",
        "https://::1",
        "http://login.example",
        "http://localhost.",
        "http://localhost.example",
        "http://app.localhost",
        "http://10.0.0.7",
        "http://128.0.0.1",
        "http://127.0.0.1.example",
        "http://[::2]",
        "http://[::ffff:127.0.0.1]",
    ] {
        assert!(is_allowed(bad).is_err(), "{bad}");
        assert!(check_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn numbers_that_only_some_read_as_addresses_are_no_hosts() {
    for bad in [
        "127.1",
        "2130706433",
        "0x7f000001",
        "0X7f.1",
        "0x",
        "127.0.0.0x1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "1.2.3.4.5",
        "256.1.1.1",
    ] {
        for scheme in ["http", "https"] {
            assert!(is_allowed(&format!("{scheme}://{bad}/")).is_err(), "{bad}");
        }
    }
}

#[test]
fn no_provider_is_at_a_link_local_unspecified_multicast_or_broadcast_address() {
    for bad in [
        "169.254.169.254",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
        "[::]",
        "[fe80::1]",
        "[febf::1]",
        "[ff02::1]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "[::ffff:169.254.169.254]",
        "[::ffff:0.0.0.0]",
        "[64:ff9b::169.254.169.254]",
    ] {
        assert!(is_allowed(&format!("https://{bad}/")).is_err(), "{bad}");
    }
    for good in [
        "169.253.255.255",
        "1.0.0.0",
        "223.255.255.255",
        "240.0.0.1",
        "192.168.0.255",
        "[fec0::1]",
        "[fd00:ec2::253]",
        "[::ffff:192.0.2.1]",
        "[64:ff9b::192.0.2.1]",
    ] {
        assert!(is_allowed(&format!("https://{good}/")).is_ok(), "{good}");
    }
}

#[test]
fn a_path_leads_to_one_place() {
    for bad in ["..", ".", "a/../b", "a/.", "%2e%2E", ".%2e/a", "a/%2E?b"] {
        assert!(is_allowed(&format!("https://a/{bad}")).is_err(), "{bad}");
    }
    for good in ["...", ".well-known", "a..b", "a?../b", "%252e", "~/.a", ""] {
        assert!(is_allowed(&format!("https://a/{good}")).is_ok(), "{good}");
    }
}

#[test]
fn hosts_are_in_lower_case_and_without_a_port() {
    for (url, expected) in [
        ("https://Login.Example:8443/A", "login.example"),
        ("https://login.example", "login.example"),
        ("https://login.example?a", "login.example"),
        ("https://[2001:DB8::1]:8443/", "[2001:db8::1]"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
    ] {
        assert_eq!(host(url).as_deref(), Some(expected));
    }
    assert_eq!(host("login.example"), None);
}

#[test]
fn the_text_for_the_developer_says_the_url_but_no_password() {
    let text = |url: &str| check_url(url).unwrap_err().to_string();
    assert_eq!(
        text("http://login.example/jwks"),
        "invalid setting: \"http://login.example/jwks\": http is only for a loopback host: use https, or allow it \
         in a private network with `private_http`"
    );
    assert_eq!(
        text("https://user:hunter2@login.example"),
        "invalid setting: user and password do not belong in a URL"
    );
    assert!(text(&format!("https://login.example/{}", "a".repeat(2048))).len() < 100);
    let longest = format!("https://login.example/{}", "a".repeat(2048 - 22));
    assert_eq!(check_url(&longest), Ok(()));
}

proptest! {
    #[test]
    fn every_url_that_is_allowed_is_one_to_hyper_with_the_same_host(
        rest in "[a-z0-9.:@/?%\\[\\]\\\\_-]{0,24}",
    ) {
        let url = format!("https://{rest}");
        if is_allowed(&url).is_ok() {
            let read: hyper::Uri = url.parse().unwrap();
            prop_assert_eq!(read.host().map(str::to_owned), host(&url));
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        for text in [&text, &format!("https://{text}"), &format!("http://[{text}")] {
            let _ = is_allowed(text);
        }
    }
}

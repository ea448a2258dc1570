//! Every format: certificates of the RFCs, and texts that are nearly one.

use std::net::{IpAddr, Ipv4Addr};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    CertificateFormat::{self, *},
    CertificateHeaderError::{self, *},
    ClientCertificateHeader,
};
use crate::{
    error::ConfigError,
    request::{ClientCertificate, RequestHead},
};

/// RFC 8705 appendix A, figure 6.
const RFC_8705: &str = "\
    MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx\
    ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG\
    SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ\
    /Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID\
    SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV\
    bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";
/// Figure 5, as `x5t#S256`.
const RFC_8705_THUMBPRINT: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
/// RFC 9440 appendix A, figure 2.
const RFC_9440: &str = "\
    MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBB\
    dXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAx\
    MTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZI\
    zj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p\
    5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIw\
    ADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMC\
    BsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1w\
    bGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMje\
    SkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=";

/// A request from a peer, with some values of the header.
struct Request<'r> {
    peer: Option<IpAddr>,
    values: Vec<&'r [u8]>,
    direct: Option<ClientCertificate>,
}

impl RequestHead for Request<'_> {
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
        if name == "x-cert" {
            self.values.iter().for_each(|value| visit(value));
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    fn client_certificate(&self) -> Option<ClientCertificate> {
        self.direct
    }
}

fn from_proxy<'r>(values: impl IntoIterator<Item = &'r str>) -> Request<'r> {
    Request {
        peer: Some(Ipv4Addr::LOCALHOST.into()),
        values: values.into_iter().map(str::as_bytes).collect(),
        direct: None,
    }
}

fn header(format: CertificateFormat) -> ClientCertificateHeader {
    ClientCertificateHeader::new("X-Cert", format, ["127.0.0.1"]).unwrap()
}

fn read(
    format: CertificateFormat,
    value: &str,
) -> Result<Option<ClientCertificate>, CertificateHeaderError> {
    header(format).read(&from_proxy([value]))
}

fn pem(base64: &str) -> String {
    let lines: Vec<&str> = (0..base64.len())
        .step_by(64)
        .map(|at| &base64[at..base64.len().min(at + 64)])
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

/// Escapes all but letters, digits and `plain`.
fn escaped(text: &str, plain: &str) -> String {
    let escape = |own: char| match own {
        own if own.is_ascii_alphanumeric() || plain.contains(own) => own.to_string(),
        own => format!("%{:02X}", u32::from(own)),
    };
    text.chars().map(escape).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A certificate as the proxy of a format sends it.
fn written(format: CertificateFormat, base64: &str) -> String {
    let der = STANDARD.decode(base64).unwrap();
    let certificate = ClientCertificate::from_der(&der);
    let thumbprint = certificate.thumbprint();
    match format {
        AwsAlb => escaped(&pem(base64), "-+=/"),
        AzureDer | CloudflareDer | HaproxyDer | TraefikPem => base64.to_owned(),
        EnvoyXfcc => format!(
            "By=spiffe://a;Hash={};Cert=\"{}\";Subject=\"CN=\\\"x\\\",O=y\"",
            hex(thumbprint.as_bytes()),
            escaped(&pem(base64), "-")
        ),
        GoogleDer | Rfc9440 => format!(":{base64}:"),
        GoogleFingerprint => STANDARD.encode(thumbprint.as_bytes()),
        NginxEscapedPem => escaped(&pem(base64), "-"),
    }
}

#[test]
fn the_certificate_of_rfc_8705_has_its_thumbprint_in_every_format() {
    for format in CertificateFormat::ALL {
        let certificate = read(format, &written(format, RFC_8705)).unwrap().unwrap();
        assert_eq!(
            certificate.thumbprint().to_string(),
            RFC_8705_THUMBPRINT,
            "{format}"
        );
    }
}

#[test]
fn the_header_of_rfc_9440_is_read() {
    let certificate = read(Rfc9440, &format!(":{RFC_9440}:")).unwrap().unwrap();
    let der = STANDARD.decode(RFC_9440).unwrap();
    assert_eq!(certificate, ClientCertificate::from_der(&der));
    assert_ne!(certificate.thumbprint().to_string(), RFC_8705_THUMBPRINT);
}

#[test]
fn an_absent_header_and_an_empty_one_are_no_certificate() {
    for format in CertificateFormat::ALL {
        assert_eq!(header(format).read(&from_proxy([])), Ok(None), "{format}");
        for empty in ["", " ", "\t "] {
            assert_eq!(read(format, empty), Ok(None), "{format}");
        }
    }
}

#[test]
fn the_header_counts_from_proxies_of_the_list_only() {
    let value = written(Rfc9440, RFC_8705);
    let header =
        ClientCertificateHeader::new("x-cert", Rfc9440, ["10.0.0.0/8", "fd00::1"]).unwrap();
    let from = |peer: Option<&str>| Request {
        peer: peer.map(|peer| peer.parse().unwrap()),
        ..from_proxy([value.as_str()])
    };
    for peer in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"] {
        let certificate = header.read(&from(Some(peer))).unwrap();
        assert!(certificate.is_some(), "{peer}");
    }
    for peer in [Some("11.1.2.3"), Some("127.0.0.1"), Some("fd00::2"), None] {
        let refused = header.read(&from(peer)).unwrap_err();
        assert_eq!(refused, Stranger, "{peer:?}");
    }
    // A stranger without the header is as good as anybody.
    let without = Request {
        values: Vec::new(),
        ..from(Some("11.1.2.3"))
    };
    assert_eq!(header.read(&without), Ok(None));
}

#[test]
fn a_second_line_is_refused_even_if_it_says_the_same() {
    for format in CertificateFormat::ALL {
        let value = written(format, RFC_8705);
        for second in [value.as_str(), "", "x"] {
            let both = [value.as_str(), second];
            assert_eq!(
                header(format).read(&from_proxy(both)),
                Err(Duplicate),
                "{format}"
            );
        }
    }
}

#[test]
fn a_certificate_of_the_connection_and_a_header_are_refused_together() {
    let value = written(Rfc9440, RFC_8705);
    let der = STANDARD.decode(RFC_8705).unwrap();
    let mut request = from_proxy([value.as_str()]);
    request.direct = Some(ClientCertificate::from_der(&der));
    assert_eq!(header(Rfc9440).read(&request), Err(Direct));
    request.values.clear();
    assert_eq!(header(Rfc9440).read(&request), Ok(None));
}

#[test]
fn a_long_header_is_refused_before_it_is_read() {
    let value = "A".repeat(ClientCertificateHeader::MAX_BYTES);
    for format in CertificateFormat::ALL {
        assert_eq!(read(format, &value), Err(Malformed), "{format}");
        assert_eq!(read(format, &format!("{value}A")), Err(TooLong), "{format}");
    }
}

#[test]
fn a_header_of_one_format_is_malformed_in_another() {
    let same = |one: CertificateFormat, other: CertificateFormat| {
        written(one, RFC_8705) == written(other, RFC_8705)
            // `AwsAlb` also reads what is escaped without need.
            || (one, other) == (NginxEscapedPem, AwsAlb)
    };
    for one in CertificateFormat::ALL {
        for other in CertificateFormat::ALL {
            let expected = if same(one, other) {
                None
            } else {
                Some(Malformed)
            };
            let value = written(one, RFC_8705);
            assert_eq!(read(other, &value).err(), expected, "{one} as {other}");
        }
    }
}

#[test]
fn what_is_nearly_a_certificate_is_malformed_in_every_format() {
    for format in CertificateFormat::ALL {
        let good = written(format, RFC_8705);
        assert!(read(format, &good).is_ok());
        for bad in [
            format!("{good}x"),
            format!("x{good}"),
            format!("\"{good}\""),
            format!("{good};a=1"),
            format!("{good},"),
            format!(",{good}"),
            format!("{good} {good}"),
            good[..good.len() - 1].to_owned() + "%",
            good.replacen('A', "\u{e4}", 1),
            good.replacen('A', " ", 1),
            "null".into(),
            "(null)".into(),
            "-".into(),
            "%00".into(),
        ] {
            // `EnvoyXfcc` allows pairs that nobody knows.
            if format == EnvoyXfcc && (bad.ends_with(";a=1") || bad.starts_with("xBy")) {
                continue;
            }
            // There, some are in text that does not count.
            if format == EnvoyXfcc && bad.contains([' ', '\u{e4}']) {
                continue;
            }
            assert_eq!(read(format, &bad), Err(Malformed), "{format}: {bad}");
        }
    }
}

#[test]
fn what_is_no_der_sequence_of_that_length_is_malformed() {
    let der = STANDARD.decode(RFC_8705).unwrap();
    let longer = [&der[..], &[0]].concat();
    let shorter = &der[..der.len() - 1];
    let set = [&[0x31], &der[1..]].concat();
    let indefinite = [0x30, 0x80, 0x05, 0x00, 0x00, 0x00];
    for format in CertificateFormat::ALL {
        if format == GoogleFingerprint {
            continue;
        }
        for bad in [&longer, shorter, &set, &indefinite, b"x", &[0x30]] {
            let value = written(format, &STANDARD.encode(bad));
            assert_eq!(read(format, &value), Err(Malformed), "{format}: {value}");
        }
    }
}

#[test]
fn a_chain_counts_by_its_leaf_where_the_format_has_one() {
    let both = |format| (written(format, RFC_8705), written(format, RFC_9440));
    let is_leaf = |format, value: &str| {
        let certificate = read(format, value).unwrap().unwrap();
        certificate.thumbprint().to_string() == RFC_8705_THUMBPRINT
    };
    let (leaf, issuer) = both(TraefikPem);
    assert!(is_leaf(TraefikPem, &format!("{leaf},{issuer}")));
    assert!(!is_leaf(TraefikPem, &format!("{issuer},{leaf}")));
    for bad in [
        format!("{leaf},"),
        format!("{leaf},x"),
        format!("{leaf}, {issuer}"),
        format!("{leaf}%2C{issuer}"),
    ] {
        assert_eq!(read(TraefikPem, &bad), Err(Malformed), "{bad}");
    }
    let (leaf, issuer) = both(AwsAlb);
    assert!(is_leaf(AwsAlb, &format!("{leaf}{issuer}")));
    assert_eq!(read(AwsAlb, &format!("{leaf}x")), Err(Malformed));
    for format in [NginxEscapedPem, Rfc9440, HaproxyDer] {
        let (leaf, issuer) = both(format);
        for chain in [format!("{leaf}{issuer}"), format!("{leaf},{issuer}")] {
            assert_eq!(read(format, &chain), Err(Malformed), "{format}");
        }
    }
}

#[test]
fn traefik_may_escape_or_not() {
    let value = escaped(RFC_8705, "");
    assert!(value.contains("%2F") && value.contains("%3D"));
    assert_eq!(read(TraefikPem, &value), read(TraefikPem, RFC_8705));
}

#[test]
fn nginx_escapes_what_aws_leaves_plain() {
    let plain = written(AwsAlb, RFC_8705);
    assert!(plain.contains('/') && plain.contains('='));
    assert_eq!(read(NginxEscapedPem, &plain), Err(Malformed));
    assert!(read(NginxEscapedPem, &escaped(&pem(RFC_8705), "-._~")).is_ok());
    // The older variable: PEM whose lines go on with a tab.
    let old = pem(RFC_8705).trim_end().replace('\n', "\n\t");
    assert_eq!(read(NginxEscapedPem, &old), Err(Malformed));
}

#[test]
fn envoys_hash_and_certificate_must_agree() {
    let der = STANDARD.decode(RFC_8705).unwrap();
    let hash = hex(ClientCertificate::from_der(&der).thumbprint().as_bytes());
    let own = escaped(&pem(RFC_8705), "-");
    let other = escaped(&pem(RFC_9440), "-");
    for good in [
        format!("Hash={hash}"),
        format!("Cert={own}"),
        format!("Cert=\"{own}\";Hash={hash};Chain=\"{own}{other}\""),
    ] {
        let read = read(EnvoyXfcc, &good).unwrap().unwrap();
        assert_eq!(read.thumbprint().to_string(), RFC_8705_THUMBPRINT);
    }
    for bad in [
        format!("Hash={hash};Cert=\"{other}\""),
        format!("Hash={hash};Cert=\"\""),
        format!("Hash=;Cert=\"{own}\""),
        format!("Cert=\"{own}{other}\""),
        format!("Cert=\"{own}\";Cert=\"{own}\""),
        format!("Chain=\"{own}\""),
        format!("Hash={hash},By=x"),
    ] {
        assert_eq!(read(EnvoyXfcc, &bad), Err(Malformed), "{bad}");
    }
}

#[test]
fn a_header_without_a_name_or_with_another_meaning_is_refused() {
    let new = |name: &str| ClientCertificateHeader::new(name, Rfc9440, ["::1"]);
    assert_eq!(new("Client-Cert").unwrap().name(), "client-cert");
    for name in ["", " client-cert", "client cert", "client-cert:", "\u{e4}"] {
        let error = new(name).unwrap_err();
        assert!(matches!(error, ConfigError::InvalidSetting(_)), "{error}");
    }
    for name in ["Authorization", "cookie", "DPoP", "Host"] {
        let error = new(name).unwrap_err();
        assert!(matches!(error, ConfigError::Conflict(_)), "{error}");
    }
    let nobody = ClientCertificateHeader::new("x", Rfc9440, [""; 0]).unwrap_err();
    assert!(matches!(nobody, ConfigError::Missing(_)), "{nobody}");
}

#[test]
fn a_format_is_found_by_its_name_only() {
    for format in CertificateFormat::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    for name in ["", "Nginx", "nginx ", "xfcc"] {
        let error = name.parse::<CertificateFormat>().unwrap_err().to_string();
        assert!(error.contains("google-fingerprint"), "{error}");
    }
}

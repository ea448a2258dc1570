//! Paths of the own site, to which an answer may redirect.

use form_urlencoded::Serializer;

/// The name of the field, and of the parameter of a query.
pub(super) const RETURN_TO: &str = "return_to";

/// Returns the path, and its query, if a browser that is redirected to it stays at this host.
///
/// Browsers take `//host` and `/\host` for another host, and leave out tabs and line breaks before they look.
pub(super) fn own_path(text: &str) -> Option<&str> {
    let mut bytes = text.bytes();
    let begins = bytes.next() == Some(b'/') && bytes.next() != Some(b'/');
    let allowed = |byte| matches!(byte, b'!'..=b'~') && byte != b'\\';
    (begins && text.len() <= MOST_BYTES && text.bytes().all(allowed)).then_some(text)
}

/// Finds the path in a query. One that is there twice, or that leads elsewhere, counts as absent.
pub(super) fn in_query(query: Option<&str>) -> Option<String> {
    let mut found = None;
    for (name, value) in form_urlencoded::parse(query?.as_bytes()) {
        if name == RETURN_TO && found.replace(value).is_some() {
            return None;
        }
    }
    own_path(&found?).map(str::to_owned)
}

/// Writes a path with these parameters after those that it has.
pub(super) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    if parameters.is_empty() {
        return path.to_owned();
    }
    let mut written = path.to_owned();
    written.push(if path.contains('?') { '&' } else { '?' });
    let start = written.len();
    let mut query = Serializer::for_suffix(written, start);
    query.extend_pairs(parameters);
    query.finish()
}

/// The longest path that is returned to, in bytes. Its double must fit into the head of a request.
const MOST_BYTES: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_the_own_site_is_returned_to() {
        let longest = format!("/{}", "a".repeat(MOST_BYTES - 1));
        for good in [
            "/",
            "/orders",
            "/orders?page=2&sort=asc",
            "/a//b",
            "/@evil.example",
            "/:80",
            "/%2Fevil.example",
            "/%5Cevil.example",
            "/..//evil.example",
            "/?next=https://evil.example",
            &longest,
        ] {
            assert_eq!(own_path(good), Some(good), "{good}");
        }
        let longer = format!("{longest}a");
        for bad in [
            "",
            "orders",
            "?page=2",
            "//",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/orders\\..",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " /orders",
            "/orders\r\nset-cookie: a=b",
            "/ord ers",
            "/orders\0",
            "/orders\u{7f}",
            "/\u{e9}",
            "https://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            &longer,
        ] {
            assert_eq!(own_path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_path_of_a_query_is_decoded_once_and_counts_once() {
        let found = |query| in_query(Some(query));
        assert_eq!(
            found("return_to=%2Forders%3Fpage%3D2"),
            Some("/orders?page=2".into())
        );
        assert_eq!(found("a=b&return_to=/a&c"), Some("/a".into()));
        assert_eq!(found("return_to=/%252F"), Some("/%2F".into()));
        for bad in [
            "",
            "return_to",
            "return_to=%2F%2Fevil.example",
            "return_to=/a&return_to=/a",
        ] {
            assert_eq!(found(bad), None, "{bad}");
        }
        assert_eq!(in_query(None), None);
    }

    #[test]
    fn parameters_go_after_those_that_are_there() {
        assert_eq!(with_query("/login", &[]), "/login");
        assert_eq!(
            with_query(
                "/login?lang=de",
                &[("error", "a b"), (RETURN_TO, "/a?b=c&d")]
            ),
            "/login?lang=de&error=a+b&return_to=%2Fa%3Fb%3Dc%26d"
        );
    }
}

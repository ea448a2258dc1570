//! The headers of an answer about time and validators (RFC 9111).

use std::time::Duration;

use httpdate::parse_http_date;

use crate::remote::http::FetchResponse;

/// Returns how long an answer may be used: `max-age` of `Cache-Control`, else `Expires` less `Date`, less
/// `Age` (RFC 9111 section 4.2), between one minute and one day; `None` without a valid one of them.
///
/// `no-store` and `no-cache` mean the shortest time: keys that may not be kept at all would be one
/// fetch for each request.
pub(crate) fn lifetime(response: &FetchResponse) -> Option<Duration> {
    let directives = || {
        response
            .values("cache-control")
            .flat_map(|value| value.split(','))
            .map(str::trim)
    };
    let is_named = |name: &str| directives().any(|own| own.eq_ignore_ascii_case(name));
    if is_named("no-store") || is_named("no-cache") {
        return Some(SHORTEST);
    }
    let max_age = directives()
        .filter_map(|directive| directive.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .and_then(|(_, value)| seconds(value.trim().trim_matches('"')));
    let lifetime = max_age.or_else(|| after_date(response, "expires"))?;
    let age = response.values("age").next().and_then(seconds).unwrap_or(0);
    Some(within_bounds(lifetime.saturating_sub(age)))
}

/// Returns so many seconds as a lifetime: between one minute and one day.
pub(crate) fn within_bounds(seconds: u64) -> Duration {
    Duration::from_secs(seconds).clamp(SHORTEST, LONGEST_LIFETIME)
}

/// Returns `Retry-After` (RFC 9110 section 10.2.3), between one second and five minutes.
pub(crate) fn retry_after(response: &FetchResponse) -> Option<Duration> {
    let wait = response.values("retry-after").next().and_then(seconds);
    let wait = wait.or_else(|| after_date(response, "retry-after"))?;
    Some(Duration::from_secs(wait).clamp(Duration::from_secs(1), Duration::from_secs(300)))
}

/// Returns the validator to send with the next request, if it can be sent.
pub(crate) fn etag(response: &FetchResponse) -> Option<String> {
    let etag = response.values("etag").next()?;
    let is_sendable = etag.len() <= 256 && etag.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_sendable.then(|| etag.to_owned())
}

/// Returns the seconds from the answer's own `Date` to the date in this header: no clock here counts.
fn after_date(response: &FetchResponse, name: &str) -> Option<u64> {
    let date = |name| parse_http_date(response.values(name).next()?).ok();
    let span = date(name)?.duration_since(date("date")?);
    Some(span.map_or(0, |span| span.as_secs()))
}

/// Reads a number of seconds. A number that does not fit is the largest (RFC 9111 section 1.2.2).
fn seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The lifetime of an answer that names none.
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);
/// The longest lifetime, whatever the answer says.
pub(crate) const LONGEST_LIFETIME: Duration = Duration::from_secs(86_400);
const SHORTEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_is_that_of_the_answer_within_bounds() {
        let day = 86_400;
        for (cache_control, age, expected) in [
            ("", "", 600),
            ("max-age=300", "", 300),
            ("public, Max-Age=300, must-revalidate", "", 300),
            ("max-age=\"300\"", "", 300),
            ("max-age=300", "100", 200),
            ("max-age=300", "nonsense", 300),
            ("max-age=300", "400", 60),
            ("max-age=0", "", 60),
            ("no-store", "", 60),
            ("no-cache, max-age=300", "", 60),
            ("max-age=315360000", "", day),
            ("max-age=99999999999999999999999999", "", day),
            ("max-age=-1", "", 600),
            ("max-age=", "", 600),
            ("max-age=soon", "", 600),
            ("max-age", "", 600),
            ("s-maxage=5", "", 600),
        ] {
            let response = FetchResponse::new(200, "")
                .header("Cache-Control", cache_control)
                .header("Age", age);
            let lifetime = lifetime(&response).unwrap_or(DEFAULT_LIFETIME);
            assert_eq!(lifetime.as_secs(), expected, "{cache_control:?}, {age:?}");
        }
    }

    #[test]
    fn a_header_may_have_very_many_directives() {
        let others = "a=1,".repeat(60_000);
        for (cache_control, expected) in [
            (format!("{others}max-age=300"), Some(300)),
            (format!("{others}max-age=300,{others}no-cache"), Some(60)),
            (others, None),
        ] {
            let response = FetchResponse::new(200, "").header("cache-control", cache_control);
            let found = lifetime(&response).map(|lifetime| lifetime.as_secs());
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn without_a_max_age_it_is_the_date_that_counts() {
        const DATE: &str = "Fri, 15 Jan 2027 08:00:00 GMT";
        for (expires, date, expected) in [
            ("Fri, 15 Jan 2027 08:05:00 GMT", DATE, Some(300)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", DATE, Some(60)),
            ("Fri, 15 Jan 2077 08:00:00 GMT", DATE, Some(86_400)),
            ("Fri, 15 Jan 2027 08:05:00 GMT", "", None),
            ("0", DATE, None),
            ("soon", DATE, None),
        ] {
            let response = FetchResponse::new(200, "")
                .header("expires", expires)
                .header("date", date);
            let found = lifetime(&response).map(|lifetime| lifetime.as_secs());
            assert_eq!(found, expected, "{expires}");
            let both = response.header("cache-control", "max-age=700");
            assert_eq!(lifetime(&both), Some(Duration::from_secs(700)));
        }
    }

    #[test]
    fn a_provider_may_ask_for_a_pause_within_bounds() {
        for (value, expected) in [
            ("7", Some(7)),
            ("0", Some(1)),
            ("100000", Some(300)),
            ("Fri, 15 Jan 2027 08:00:10 GMT", Some(10)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", Some(1)),
            ("tomorrow", None),
            ("-1", None),
        ] {
            let response = FetchResponse::new(503, "")
                .header("date", "Fri, 15 Jan 2027 08:00:00 GMT")
                .header("retry-after", value);
            let wait = retry_after(&response).map(|wait| wait.as_secs());
            assert_eq!(wait, expected, "{value}");
        }
    }

    #[test]
    fn a_validator_is_sent_back_only_if_it_can_be() {
        let with = |value: &str| etag(&FetchResponse::new(200, "").header("etag", value));
        assert_eq!(with("W/\"1\"").as_deref(), Some("W/\"1\""));
        assert_eq!(with("\"a\r\nb\""), None);
        assert_eq!(with(&"x".repeat(257)), None);
    }
}

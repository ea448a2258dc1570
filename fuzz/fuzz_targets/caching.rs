//! The headers of an answer that limit how long it can be used. Input: one header per line.

#![no_main]

use std::time::{Duration, SystemTime};

use countersign::{fuzzing, remote::FetchResponse};
use libfuzzer_sys::fuzz_target;

const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(86_400);

fuzz_target!(|text: &str| {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let response = lines.fold(FetchResponse::new(200, ""), |response, (name, value)| {
        response.header(name, value.trim())
    });
    let lifetime = fuzzing::lifetime(&response);
    assert!(lifetime.is_none_or(|lifetime| (SHORTEST..=LONGEST).contains(&lifetime)));
    if let Some(expected) = expect(&response) {
        assert_eq!(lifetime, expected);
    }
    // A further `no-store` always wins; an age never makes an answer younger.
    let unkept = response.clone().header("Cache-Control", "no-store");
    assert_eq!(fuzzing::lifetime(&unkept), Some(SHORTEST));
    if response.values("age").next().is_none() {
        let older = fuzzing::lifetime(&response.clone().header("Age", "100"));
        assert_eq!(older.is_some(), lifetime.is_some());
        assert!(older <= lifetime);
    }

    if let Some(wait) = fuzzing::retry_after(&response) {
        assert!((Duration::from_secs(1)..=Duration::from_secs(300)).contains(&wait));
        let value = response.values("retry-after").next().expect("it is there");
        if let Ok(seconds) = value.parse::<u64>() {
            assert_eq!(wait.as_secs(), seconds.clamp(1, 300));
        }
    }
    if let Some(etag) = fuzzing::etag(&response) {
        assert_eq!(response.values("etag").next(), Some(&*etag));
        assert!(etag.len() <= 256 && !etag.contains(char::is_control) && etag.is_ascii());
    }
});

/// Returns the expected lifetime by our own reading; `None` if the headers are written in unusual
/// ways.
fn expect(response: &FetchResponse) -> Option<Option<Duration>> {
    let all: Vec<_> = response.values("cache-control").collect();
    let all = all.join(",").to_ascii_lowercase();
    let is_usual = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'=' | b',' | b' ');
    if !all.bytes().all(is_usual) || all.contains("= ") || all.contains(" =") {
        return None;
    }
    let directives: Vec<_> = all.split(',').map(str::trim).collect();
    if directives.contains(&"no-store") || directives.contains(&"no-cache") {
        return Some(Some(SHORTEST));
    }
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let max_age = directives
        .iter()
        .find_map(|own| own.strip_prefix("max-age="));
    let expires = || {
        let date = |name| date(response.values(name).next()?);
        let span = date("expires")?.duration_since(date("date")?);
        Some(span.map_or(0, |span| span.as_secs()))
    };
    let lifetime = match max_age.and_then(number) {
        Some(max_age) => max_age,
        None if ["expires", "date"]
            .iter()
            .any(|name| response.values(name).next().is_some()) =>
        {
            return if let (Some(_), Some(_)) = (usual(response, "expires"), usual(response, "date"))
            {
                Some(expires().map(|lifetime| rest(response, lifetime, number)))
            } else {
                None
            };
        }
        None => return Some(None),
    };
    Some(Some(rest(response, lifetime, number)))
}

fn rest(response: &FetchResponse, lifetime: u64, number: impl Fn(&str) -> Option<u64>) -> Duration {
    let age = response.values("age").next().and_then(number).unwrap_or(0);
    Duration::from_secs(lifetime.saturating_sub(age)).clamp(SHORTEST, LONGEST)
}

fn usual(response: &FetchResponse, name: &str) -> Option<SystemTime> {
    date(response.values(name).next()?)
}

/// Parses `Sun, 06 Nov 1994 08:49:37 GMT` and no other form; only up to the 28th, so that no month
/// is too short.
fn date(text: &str) -> Option<SystemTime> {
    let mut parts = text.splitn(6, ' ');
    let (weekday, day, month) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months
        .find(month)
        .filter(|at| at % 3 == 0 && month.len() == 3)?
        / 3;
    let number = |text: &str, length| {
        let is_number = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (day, year) = (number(day, 2)?, number(year, 4)?);
    let mut clock = time.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if zone != "GMT" || clock.next().is_some() || !(1970..=2100).contains(&year) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 || !(1..=28).contains(&day) {
        return None;
    }
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31_u64];
    let leap_day = u64::from(is_leap(year) && month > 1);
    let days = (1970..year)
        .map(|year| 365 + u64::from(is_leap(year)))
        .sum::<u64>();
    let days = days + lengths[..month].iter().sum::<u64>() + leap_day + day - 1;
    let weekdays = ["Thu,", "Fri,", "Sat,", "Sun,", "Mon,", "Tue,", "Wed,"];
    if weekday != weekdays[usize::try_from(days % 7).ok()?] {
        return None;
    }
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

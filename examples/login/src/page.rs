//! The page, and the headers that protect it.

use std::time::Duration;

/// A file of the page: path, media type, text.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Asset {
    /// The path that it is served at.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// Its content.
    pub text: String,
}

/// Returns the files of the page, which says how long an access token lives, and plays the authenticator app of the
/// demo account.
pub(crate) fn assets(lifetime: Duration) -> [Asset; 3] {
    let html = include_str!("../page/index.html");
    [
        Asset {
            path: "/",
            media_type: "text/html; charset=utf-8",
            text: html
                .replace("{lifetime}", &in_words(lifetime))
                .replace("{demo_key}", demo::DEMO_KEY),
        },
        Asset {
            path: "/app.css",
            media_type: "text/css; charset=utf-8",
            text: include_str!("../page/app.css").to_owned(),
        },
        Asset {
            path: "/app.js",
            media_type: "text/javascript; charset=utf-8",
            text: include_str!("../page/app.js").to_owned(),
        },
    ]
}

fn in_words(lifetime: Duration) -> String {
    match lifetime.as_secs() {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3_600 => "an hour".to_owned(),
        seconds if seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

/// Headers of every answer. Nothing is loaded from elsewhere, scripts inside of the page do not run, and
/// no other page can frame it.
pub(crate) const SECURITY_HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Makes a browser come back over https only, for a year (RFC 6797 section 6.1). It counts over https alone.
pub(crate) const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_how_long_an_access_token_lives() {
        for (seconds, words) in [
            (1, "a second"),
            (4, "4 seconds"),
            (60, "a minute"),
            (90, "90 seconds"),
            (900, "15 minutes"),
            (3_600, "an hour"),
        ] {
            let [html, ..] = assets(Duration::from_secs(seconds));
            assert!(
                html.text.contains(&format!("lives for {words},")),
                "{words}"
            );
            assert!(!html.text.contains("{lifetime}"));
        }
    }
}

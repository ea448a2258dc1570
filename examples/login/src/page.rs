//! The page, and the headers that keep it honest.

/// A file of the page: path, media type, text.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Asset {
    /// Where it is served.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// The files of the page.
pub const ASSETS: [Asset; 3] = [
    Asset {
        path: "/",
        media_type: "text/html; charset=utf-8",
        text: include_str!("../page/index.html"),
    },
    Asset {
        path: "/app.css",
        media_type: "text/css; charset=utf-8",
        text: include_str!("../page/app.css"),
    },
    Asset {
        path: "/app.js",
        media_type: "text/javascript; charset=utf-8",
        text: include_str!("../page/app.js"),
    },
];

/// What every answer says to a browser. Nothing is loaded from elsewhere, no script stands in the
/// page itself, and nobody frames it.
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

/// Comes back over https only, for a year (RFC 6797 section 6.1). Browsers heed it over https alone.
pub(crate) const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000");

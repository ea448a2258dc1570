//! The signature of a request to AWS: Signature Version 4.

use std::{fmt, fmt::Write};

use aws_lc_rs::{digest, hmac};
use time::OffsetDateTime;

/// The keys of an AWS identity.
#[derive(Clone)]
pub struct AwsKeys {
    /// The id of the key.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The token of a session, which keys of a role have.
    pub session_token: Option<String>,
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Returns the time of a request as `x-amz-date` has it: `20150830T123600Z`.
pub(crate) fn date(now: i64) -> String {
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let ((year, month, day), (hour, minute, second)) =
        (now.to_calendar_date(), now.time().as_hms());
    let month = u8::from(month);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Returns the value of `authorization` for a POST to `/`. The headers are those that are signed: in lower case, sorted, and
/// `x-amz-date` among them, which `date` repeats.
#[must_use]
pub fn authorization(
    keys: &AwsKeys,
    (region, service): (&str, &str),
    date: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = "POST\n/\n\n".to_owned();
    for (name, value) in headers {
        canonical += &format!("{name}:{}\n", value.trim());
    }
    canonical += &format!("\n{names}\n{}", sha256(body));
    let day = date.get(..8).unwrap_or(date);
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        sha256(canonical.as_bytes())
    );
    let secret = format!("AWS4{}", keys.secret_access_key).into_bytes();
    let parts = [day, region, service, "aws4_request", &text];
    let signature = parts.iter().fold(secret, |key, part| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        hmac::sign(&key, part.as_bytes()).as_ref().to_vec()
    });
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        keys.access_key_id,
        hex(&signature)
    )
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

//! The part of a row that is written once, at the login.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::claims::Confirmation;

/// The facts of a login that its session keeps: when and how the user was authenticated, and an idle time of
/// its own. They never change.
///
/// A store keeps them as one text, and does not look into it. Rows without one were written by an earlier
/// version, or by a login that says nothing: they have the default.
///
/// # Examples
///
/// ```
/// use countersign::session::store::SessionDetails;
///
/// let text = r#"{"auth_time":1800000000,"acr":"urn:example:aal2","amr":["pwd","otp"],"idle":1209600}"#;
/// let details = SessionDetails::from_json(Some(text)).expect("details");
/// assert_eq!(details.to_json().as_deref(), Some(text));
///
/// let nothing = SessionDetails::default();
/// assert_eq!(nothing.to_json(), None);
/// assert_eq!(SessionDetails::from_json(None), Some(nothing));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDetails {
    /// In seconds since 1970. `None`: when the session was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) amr: Vec<String>,
    /// In seconds. `None`: the idle time of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle: Option<i64>,
    /// The key and the certificate of the client, without which nobody refreshes the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cnf: Option<Box<Confirmation>>,
}

impl SessionDetails {
    /// The longest text of the details, in bytes: 4 KiB.
    pub const MAX_BYTES: usize = 4 << 10;

    /// Returns what the session is bound to.
    pub(crate) fn confirmation(&self) -> Confirmation {
        self.cnf.as_deref().copied().unwrap_or_default()
    }

    pub(crate) fn bind(&mut self, to: Confirmation) {
        self.cnf = (!to.is_empty()).then(|| Box::new(to));
    }

    /// Writes the details as a JSON object. `None` where there are none: an absent value is enough.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        if *self == Self::default() {
            return None;
        }
        // Numbers and texts: writing those to memory cannot fail.
        Some(serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads what [`to_json`](Self::to_json) wrote; members that a later version has added are left out.
    /// `None` for anything else, and for more than [`MAX_BYTES`](Self::MAX_BYTES).
    #[must_use]
    pub fn from_json(text: Option<&str>) -> Option<Self> {
        match text {
            // Serde would also read an array as the fields in order.
            Some(text) if text.len() > Self::MAX_BYTES || !text.starts_with('{') => None,
            Some(text) => serde_json::from_str(text).ok(),
            None => Some(Self::default()),
        }
    }
}

impl fmt::Debug for SessionDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDetails")
            .field("auth_time", &self.auth_time)
            .field("acr", &self.acr)
            .field("amr", &self.amr)
            .field("idle", &self.idle)
            .field("cnf", &self.cnf)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_are_not_known_are_left_out_and_wrong_ones_refused() {
        let read = |text| SessionDetails::from_json(Some(text));
        let later = read(r#"{"idle":60,"device":{"kind":"phone"}}"#).unwrap();
        assert_eq!(later.to_json().as_deref(), Some(r#"{"idle":60}"#));
        assert_eq!(read("{}"), Some(SessionDetails::default()));
        for bad in [
            "",
            "[]",
            "null",
            r#"{"idle":"60"}"#,
            r#"{"amr":"pwd"}"#,
            r#"{"acr":1}"#,
            r#"{"idle":1,"idle":2}"#,
            // Whoever bound it to more must not find it refreshed without.
            r#"{"cnf":{"later":"x"}}"#,
            r#"{"cnf":{"jkt":"x"}}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let long = format!(r#"{{"acr":"{}"}}"#, "x".repeat(4_096));
        assert_eq!(read(&long), None);
    }
}

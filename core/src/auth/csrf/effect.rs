//! The effect that a request can have, by its head.

use crate::request::RequestHead;

/// The effect that a request can have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Anything.
    Change,
    /// Nothing but reading an answer, which browsers keep from other sites.
    None,
    /// Opening a connection that any page can read from and write to.
    WebSocket,
}

impl Effect {
    pub(super) fn of(head: &dyn RequestHead) -> Self {
        match head.method() {
            // Extended CONNECT. No other CONNECT gets to an app.
            "CONNECT" => Self::WebSocket,
            "GET" | "HEAD" | "OPTIONS" | "TRACE" if opens_websocket(head) => Self::WebSocket,
            "GET" | "HEAD" | "OPTIONS" | "TRACE" => Self::None,
            _ => Self::Change,
        }
    }
}

/// Checks `Upgrade` and `Sec-Fetch-Mode` for the word `websocket`, as frameworks do: in any case, alone
/// or in a list, with or without a version (RFC 9110 section 7.8).
fn opens_websocket(head: &dyn RequestHead) -> bool {
    let mut found = false;
    for name in ["upgrade", "sec-fetch-mode"] {
        head.visit_header(name, &mut |value| {
            let mut words = value.split(|byte| !byte.is_ascii_alphabetic());
            found |= words.any(|word| word.eq_ignore_ascii_case(b"websocket"));
        });
    }
    found
}

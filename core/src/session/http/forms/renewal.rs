//! The page loads that may renew a session.

use crate::{
    auth::AuthCookies,
    request::{RequestHead, single_header},
};

/// Checks that a page load of the own site asks for this, or a link that the cookies are meant to follow.
///
/// A renewal exchanges the refresh token. A foreign page that starts one, and stops it before its answer arrives, would
/// leave the browser with a used token, and the next use of that ends the session. So other sites must not start one
/// for images, scripts or frames; and as page loads only with `SameSite=Lax`, with which every page load renews. A
/// browser that does not say where a request comes from is not told from those.
pub(super) fn may_renew(head: &dyn RequestHead, cookies: &AuthCookies) -> bool {
    let one = |name| single_header(head, name).ok().flatten();
    let is_page_load = one("sec-fetch-mode") == Some(b"navigate");
    let is_whole_page = || one("sec-fetch-dest") == Some(b"document");
    is_page_load
        && match one("sec-fetch-site") {
            Some(b"same-origin" | b"none") => true,
            Some(b"same-site" | b"cross-site") => cookies.follow_links() && is_whole_page(),
            _ => false,
        }
}

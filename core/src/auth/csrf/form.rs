//! Double-submit values in the fields of forms, which can set no header.

use std::net::IpAddr;

#[cfg(feature = "sessions")]
use subtle::ConstantTimeEq;

use super::csrf::Csrf;
#[cfg(feature = "sessions")]
use super::csrf::ENCODED;
#[cfg(feature = "sessions")]
use super::refusal::{Cause, refused};
#[cfg(feature = "proof")]
use crate::request::ClientCertificate;
use crate::{error::AuthError, request::RequestHead};

impl Csrf {
    /// The usual name of the field of a form that contains the double-submit value.
    pub const FIELD: &'static str = "csrf_token";

    /// Applies the rules to a form, for a handler that has read its fields: rules 1 to 3, and the
    /// double-submit value always, from the field or, without one, from the header.
    ///
    /// `session_id` is as for [`token`](Self::token). A layer cannot do this: it does not read bodies.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{AuthError, Csrf, VerifiedToken, adapter::RequestHead};
    ///
    /// /// Checks `POST /orders`, before anything is done. `field` is the one that is called `csrf_token`.
    /// fn check(
    ///     csrf: &Csrf,
    ///     head: &dyn RequestHead,
    ///     token: &VerifiedToken,
    ///     field: &str,
    /// ) -> Result<(), AuthError> {
    ///     csrf.check_form(head, Some(field), token.session_id().unwrap_or_default())
    /// }
    /// ```
    pub fn check_form(
        &self,
        head: &dyn RequestHead,
        field: Option<&str>,
        session_id: &str,
    ) -> Result<(), AuthError> {
        let mut csrf = self.clone();
        csrf.token_required = true;
        csrf.check(&WithField { head, field }, session_id)
    }

    /// Applies the rules to the form of a login, where there is no session: rules 1 to 3, and a field with the
    /// value of the cookie.
    ///
    /// That proves less than a value that was made for a session: whoever can plant the cookie can send both. Its
    /// prefix `__Host-` keeps others from that.
    #[cfg(feature = "sessions")]
    pub(crate) fn check_login_form(
        &self,
        head: &dyn RequestHead,
        field: Option<&str>,
        cookie: Option<&str>,
    ) -> Result<(), AuthError> {
        self.check_login(head)?;
        match (field, cookie) {
            (None, _) => Err(refused(Cause::NoField)),
            (Some(field), Some(cookie))
                if bool::from(field.as_bytes().ct_eq(cookie.as_bytes())) =>
            {
                Ok(())
            }
            _ => Err(refused(Cause::OtherThanCookie)),
        }
    }

    /// Returns whether a text has the form of a double-submit value.
    #[cfg(feature = "sessions")]
    pub(crate) fn is_value(text: &str) -> bool {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.len() == ENCODED && text.bytes().all(is_base64url)
    }

    /// Asks for the value always, also without a secret: then nothing passes that needs it.
    #[cfg(feature = "sessions")]
    pub(crate) fn always_with_token(mut self) -> Self {
        self.token_required = true;
        self
    }

    /// Asks for the value where the browser says nothing, for a layer whose handlers check the fields of forms.
    #[cfg(feature = "sessions")]
    pub(crate) fn leaving_fields_to_handlers(&self) -> Self {
        Self {
            token_required: false,
            ..self.clone()
        }
    }

    #[cfg(feature = "sessions")]
    pub(crate) fn always_asks_for_token(&self) -> bool {
        self.token_required
    }
}

/// A head whose double-submit value is in a field of the body. A header beside it is one too many.
pub(crate) struct WithField<'h> {
    pub(crate) head: &'h dyn RequestHead,
    pub(crate) field: Option<&'h str>,
}

impl RequestHead for WithField<'_> {
    fn method(&self) -> &str {
        self.head.method()
    }

    fn path(&self) -> &str {
        self.head.path()
    }

    fn query(&self) -> Option<&str> {
        self.head.query()
    }

    fn authority(&self) -> Option<&str> {
        self.head.authority()
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == Csrf::HEADER
            && let Some(field) = self.field
        {
            visit(field.as_bytes());
        }
        self.head.visit_header(name, visit);
    }

    fn visit_headers<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        self.head.visit_headers(visit);
    }

    fn peer(&self) -> Option<IpAddr> {
        self.head.peer()
    }

    fn target_path(&self) -> &str {
        self.head.target_path()
    }

    #[cfg(feature = "proof")]
    fn client_certificate(&self) -> Option<ClientCertificate> {
        self.head.client_certificate()
    }
}

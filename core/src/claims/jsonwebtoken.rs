//! A verified token in the type of the crate `jsonwebtoken`.

use jsonwebtoken::TokenData;
use serde::de::DeserializeOwned;

use super::token::VerifiedToken;
use crate::error::{AuthError, AuthErrorKind};

impl VerifiedToken {
    /// The token as the `TokenData` that `decode` of the crate [`jsonwebtoken`](https://docs.rs/jsonwebtoken) 12
    /// returns: for code that takes one. Feature `jsonwebtoken`.
    ///
    /// The header has `alg`, `kid` and `typ`, in lower case unless it is `JWT`; nothing else of it is kept. Reads
    /// the payload anew at each call.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`] (500) when the payload does not fit `T`, and for ES512, which
    /// `jsonwebtoken` does not know: the token is valid, so the mistake is on this side.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     sub: String,
    /// }
    ///
    /// # let issuer = TestIssuer::new();
    /// # let text = issuer.token().subject("ada").sign();
    /// let token = issuer.verifier().verify_now(&text)?;
    /// let data = token.to_token_data::<Claims>()?;
    /// assert_eq!(data.claims.sub, "ada");
    /// assert_eq!(data.header.alg, jsonwebtoken::Algorithm::ES256);
    /// # Ok::<(), countersign::AuthError>(())
    /// ```
    pub fn to_token_data<T: DeserializeOwned>(&self) -> Result<TokenData<T>, AuthError> {
        let name = self.header().algorithm().name();
        let algorithm = name.parse().map_err(|error: jsonwebtoken::errors::Error| {
            self.refuse(AuthErrorKind::Misconfigured).with_source(error)
        })?;
        let mut header = jsonwebtoken::Header::new(algorithm);
        header.kid = self.header().key_id().map(str::to_owned);
        header.typ = self.header().token_type().map(|typ| match typ {
            "jwt" => "JWT".to_owned(),
            other => other.to_owned(),
        });
        Ok(TokenData {
            header,
            claims: self.to_app_type()?,
        })
    }
}

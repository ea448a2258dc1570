//! What is explained of a token for which a verifier is chosen first.

use super::many::{Choice, Many};
use crate::{
    error::{AuthError, AuthErrorKind, Fixed, Mismatch},
    jose::Buffer,
    verify::{Explanation, describe::any_of, dynamic::DynamicIssuers},
};

impl Many {
    /// Explains the verdict on a token.
    pub(super) fn explain(&self, text: &str) -> Explanation {
        match self.choose(text, &mut Buffer::new()) {
            Ok((_, Choice::Verifier(verifier))) => verifier.explain(text),
            Ok((_, Choice::Dynamic(dynamic, issuer))) => {
                self.explain_dynamic(dynamic, &issuer, text)
            }
            Err(error) => self.explain_refusal(&error),
        }
    }

    /// Explains the verdict on a token of an issuer that a resolver finds. Nobody is asked for that.
    fn explain_dynamic(&self, dynamic: &DynamicIssuers, issuer: &str, text: &str) -> Explanation {
        static NOT_ASKED: Fixed = Fixed::new(
            "iss",
            "an issuer whose verifier is here: the resolver is asked with the first token",
        );

        if let Some(error) = dynamic.refusal(issuer) {
            return match error.mismatch() {
                Some(wrong) => Explanation::of_refusal(error.kind(), Some(wrong)),
                None => self.explain_refusal(&error),
            };
        }
        match dynamic.engine(issuer) {
            Some(engine) => engine.verifier().explain(text),
            None => Explanation::of_refusal(
                AuthErrorKind::IssuerUnavailable,
                Some(&Mismatch::text(&NOT_ASKED, issuer)),
            ),
        }
    }

    /// Explains why no verifier decides about a token.
    fn explain_refusal(&self, error: &AuthError) -> Explanation {
        let kind = error.kind();
        let Some(wrong) = error.mismatch() else {
            return Explanation::of_refusal(kind, None);
        };
        let (claim, found) = (wrong.claim().to_owned(), wrong.found().into_owned());
        let expected = match kind {
            AuthErrorKind::MissingClaim | AuthErrorKind::UnknownIssuer
                if self.dynamic.is_none() =>
            {
                let names = self.by_name.keys().chain(self.by_trust_domain.keys());
                let mut names: Vec<_> = names.cloned().collect();
                names.sort();
                any_of(Some(&names))
            }
            _ => wrong.expected().into_owned(),
        };
        let wrong = Mismatch::written(claim, expected, found);
        Explanation::of_refusal(kind, Some(&wrong))
    }
}

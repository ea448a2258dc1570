//! Explaining a verdict: the stages of a verification, continued after a refusal.

use super::{
    explanation::{Explanation, Step, Verdict},
    facts::Facts,
    pipeline::decode_unverified,
    rules::Rule,
    signature::Unsigned,
    verifier::Verifier,
    wrong,
};
use crate::{
    claims::{Diagnosis, RegisteredClaims, Tolerances},
    error::{AuthErrorKind, Mismatch},
    jose::{Compact, HeaderView, Key},
};

impl Verifier {
    /// Explains the verdict on a token: each check, what it expected, what it found.
    ///
    /// For logs, command lines and tests. Texts from the token are escaped and cut. Its verdict is
    /// always that of [`verify_now`](Self::verify_now).
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// let issuer = TestIssuer::new();
    /// let explanation = issuer.verifier().explain(&issuer.token().audience("shop").sign());
    ///
    /// let failed: Vec<_> = explanation.failed().map(|check| check.name()).collect();
    /// assert_eq!(failed, ["aud"]);
    /// ```
    #[must_use]
    pub fn explain(&self, token: &str) -> Explanation {
        let mut explanation = Explanation::of(self.settings().tolerances);
        let mut buffer = None;

        let compact = match self.split(token) {
            Ok(compact) => compact,
            Err(error) => return explanation.stop(&Step::FORMAT, &error),
        };
        explanation.step_passed(
            &Step::FORMAT,
            match self.reads_padding() {
                true => format!("{} bytes of padded base64url", token.len()),
                false => format!("{} bytes", token.len()),
            },
        );

        let known = self.headers().recall(compact.header);
        let header = match self.read_header(&compact, &known, &mut buffer) {
            Ok(header) => header,
            Err(error) => return explanation.stop(&Step::HEADER, &error),
        };
        explanation.step_passed(&Step::HEADER, wrong::found_in(&header));

        self.explain_signature(&compact, &header, &mut explanation);
        match decode_unverified(&compact, &mut None) {
            Ok(payload) => {
                self.explain_claims(compact.header, payload, &header, &mut explanation);
            }
            Err(error) => return explanation.stop(&Step::PAYLOAD, &error),
        }
        explanation
    }

    fn explain_signature(
        &self,
        token: &Compact<'_>,
        header: &HeaderView<'_>,
        to: &mut Explanation,
    ) {
        match self.check_signature(token, header, &mut None) {
            Ok(signed) => {
                let mut needed = Tolerances::NONE;
                signed.note_weakness(&mut needed);
                to.need(needed);
                to.step_passed(&Step::SIGNATURE, wrong::found_in(header));
            }
            // The check of the payload says so.
            Err(Unsigned::NotDecoded) => {}
            Err(Unsigned::Refused(refused)) => {
                let kind = refused.kind();
                let wrong = match kind {
                    AuthErrorKind::BadSignature if self.may_want_a_trimmed_secret(header) => {
                        wrong::line_feed(header)
                    }
                    _ => wrong::signature(kind, header),
                };
                to.step_failed(&Step::SIGNATURE, kind, &wrong);
            }
        }
    }

    /// Checks for a secret of that algorithm with the end of a text file's line.
    fn may_want_a_trimmed_secret(&self, header: &HeaderView<'_>) -> bool {
        let ends_so = |key: &Key| key.algorithm() == header.algorithm() && key.ends_in_line_feed();
        let found = self
            .keys()
            .with_current(|set| set.keys().iter().any(ends_so));
        found.unwrap_or(false)
    }

    fn explain_claims(
        &self,
        encoded_header: &str,
        payload: &str,
        header: &HeaderView<'_>,
        to: &mut Explanation,
    ) {
        let spec = &self.settings().claims.spec;
        match RegisteredClaims::parse(payload, spec) {
            Ok(claims) => {
                to.step_passed(&Step::PAYLOAD, Step::PAYLOAD_FOUND.to_owned());
                to.need(self.settings().needed(&claims));
                let facts = self.facts(encoded_header, header, payload, &claims);
                for rule in self.settings().rules() {
                    self.explain_rule(rule, &facts, to);
                }
            }
            Err(unreadable) => {
                to.refuse(unreadable.kind());
                match Diagnosis::of(payload, spec) {
                    Some(diagnosis) => {
                        self.explain_diagnosis(&diagnosis, encoded_header, header, to);
                    }
                    None => {
                        let wrong = unreadable.mismatch(payload, spec);
                        to.step_failed(&Step::PAYLOAD, unreadable.kind(), &wrong);
                    }
                }
            }
        }
    }

    /// Explains each claim that has the wrong form, and then the rules that do not compare one.
    fn explain_diagnosis(
        &self,
        diagnosis: &Diagnosis,
        encoded_header: &str,
        header: &HeaderView<'_>,
        to: &mut Explanation,
    ) {
        to.step_passed(&Step::PAYLOAD, Step::PAYLOAD_FOUND.to_owned());
        for wrong in &diagnosis.wrong {
            let verdict = Verdict::Failed(AuthErrorKind::InvalidClaim);
            to.add(wrong.claim().to_owned(), wrong, verdict);
        }
        let facts = self.facts(
            encoded_header,
            header,
            &diagnosis.payload,
            &diagnosis.claims,
        );
        let compares_a_wrong_one = |rule: &Rule| {
            let compares = |wrong: &Mismatch| (rule.compares)(self.settings(), wrong.claim());
            diagnosis.wrong.iter().any(compares)
        };
        let rules = self.settings().rules();
        for rule in rules.filter(|rule| !compares_a_wrong_one(rule)) {
            self.explain_rule(rule, &facts, to);
        }
    }

    fn explain_rule(&self, rule: &Rule, facts: &Facts<'_>, to: &mut Explanation) {
        let verdict = match (rule.check)(self.settings(), facts) {
            Ok(()) => Verdict::Passed,
            Err(refused) => {
                to.refuse(refused.kind());
                Verdict::Failed(refused.kind())
            }
        };
        to.add(rule.name, &rule.compare(self.settings(), facts), verdict);
    }
}

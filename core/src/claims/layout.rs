//! The claims in which a provider puts the scopes and the roles of its tokens.

use serde_json::Value;

use crate::jose::member;

/// The source of a token's scopes: a claim, or several.
///
/// The default is `scope` (RFC 8693 section 4.2, RFC 9068 section 2.2.3). The claim is one text with
/// spaces between the scopes, or an array with one scope in each element, in the alphabet of RFC 6749
/// section 3.3: `["read admin"]` is no scope, and not two. The verifier refuses a token in which the claim
/// is anything else, as one with a wrong `scope`; a token without the claim has no scopes.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// use countersign::{Policy, claims::ScopeSource};
///
/// # let issuer = TestIssuer::new();
/// let verifier = issuer.verifier_builder().scopes(ScopeSource::claim("scp")).build()?;
///
/// let token = issuer.token().claim("scp", "orders:read orders:write").sign();
/// assert!(Policy::scope("orders:read").check(&verifier.verify_now(&token)?).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a source does nothing until a verifier has it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeSource(Vec<String>);

impl ScopeSource {
    /// Reads the scopes from this claim.
    pub fn claim(name: impl Into<String>) -> Self {
        Self(vec![name.into()])
    }

    /// Reads the scopes from both: the token has what either grants.
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl Default for ScopeSource {
    /// The claim `scope`.
    fn default() -> Self {
        Self::claim("scope")
    }
}

/// The source of a token's roles: a claim, a member inside of one, or several of those.
///
/// The default is `role` or `roles`. A claim that is absent grants no role. One that is present but not
/// readable as roles is an error: then a [`Policy`](crate::Policy) about roles lets nobody in, and
/// neither does its opposite, unless another part of the source answers the question.
///
/// # Examples
///
/// ```
/// # use countersign::testing::TestIssuer;
/// use countersign::{Policy, claims::RoleSource};
/// use serde_json::json;
///
/// # let issuer = TestIssuer::new();
/// let roles = RoleSource::path(["realm_access", "roles"])
///     .or(RoleSource::path(["resource_access", "orders", "roles"]));
/// let verifier = issuer.verifier_builder().roles(roles).build()?;
///
/// let token = issuer.token().claim("realm_access", json!({"roles": ["staff"]})).sign();
/// let token = verifier.verify_now(&token)?;
/// assert!(Policy::role("staff").check(&token).is_ok());
/// assert_eq!(token.roles()?, ["staff"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a source does nothing until a verifier has it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSource(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    path: Vec<String>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    MemberNames,
    Texts,
}

impl RoleSource {
    /// Reads the roles from this claim: one text is one role, an array of texts is several.
    pub fn claim(name: impl Into<String>) -> Self {
        Self::path([name])
    }

    /// Reads the roles from a member of a member of the claims: one text, or an array of texts.
    pub fn path<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(vec![Part {
            path: names.into_iter().map(Into::into).collect(),
            shape: Shape::Texts,
        }])
    }

    /// Takes the member names of the object in this claim as roles.
    ///
    /// Each member must be `true` or an object that is not empty. So `{"admin": false}` is an error, and
    /// not the role `admin`. The content of an object, such as the organizations that granted the role,
    /// is not looked at.
    pub fn names_of(name: impl Into<String>) -> Self {
        Self(vec![Part {
            path: vec![name.into()],
            shape: Shape::MemberNames,
        }])
    }

    /// Reads the roles from both: the token has what either grants.
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns whether a part of it names no claim.
    pub(crate) fn is_incomplete(&self) -> bool {
        let nameless = |part: &Part| part.path.first().is_none_or(String::is_empty);
        self.0.iter().any(nameless)
    }

    /// Reads the roles of a verified payload, part by part.
    pub(crate) fn read(
        &self,
        payload: &str,
    ) -> impl Iterator<Item = Result<Vec<String>, UnreadableRoles>> {
        self.0.iter().map(|part| part.read(payload))
    }
}

impl Default for RoleSource {
    /// The claims `role` and `roles`.
    fn default() -> Self {
        Self::claim("role").or(Self::claim("roles"))
    }
}

/// A claim of roles has another form.
#[derive(Debug, thiserror::Error)]
#[error("the claim that holds the roles has another type")]
pub(crate) struct UnreadableRoles;

impl Part {
    fn read(&self, payload: &str) -> Result<Vec<String>, UnreadableRoles> {
        let Some((claim, members)) = self.path.split_first() else {
            return Err(UnreadableRoles);
        };
        let found = member::<Value>(payload, claim);
        let Some(mut value) = found.map_err(|_| UnreadableRoles)? else {
            return Ok(Vec::new());
        };
        for name in members {
            let Value::Object(mut object) = value else {
                return Err(UnreadableRoles);
            };
            match object.remove(name) {
                Some(member) => value = member,
                None => return Ok(Vec::new()),
            }
        }
        match (self.shape, value) {
            (Shape::MemberNames, Value::Object(object)) => object
                .into_iter()
                .map(|(name, value)| is_granted(&value).then_some(name).ok_or(UnreadableRoles))
                .collect(),
            (Shape::Texts, Value::String(one)) => Ok(vec![one]),
            (Shape::Texts, Value::Array(many)) => many.into_iter().map(text).collect(),
            _ => Err(UnreadableRoles),
        }
    }
}

fn is_granted(value: &Value) -> bool {
    match value {
        Value::Bool(granted) => *granted,
        Value::Object(by) => !by.is_empty(),
        _ => false,
    }
}

fn text(value: Value) -> Result<String, UnreadableRoles> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(UnreadableRoles),
    }
}

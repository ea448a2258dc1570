//! Load balancers of AWS that log users in: their ARNs, and where their keys are.

use super::{
    names::invalid,
    provider::{KeyLocation, Provider, Standing},
};
use crate::error::ConfigError;

impl Provider {
    /// An Application Load Balancer of AWS, by its ARN and the issuer of its users. The audience is the client id, in the header of the token. See
    /// [AWS ALB](Self#aws-alb).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `signer` is no ARN of an Application Load Balancer.
    pub fn aws_alb(
        signer: impl AsRef<str>,
        issuer: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let arn = AlbArn::new(signer.as_ref())?;
        let keys = arn.keys_url();
        Ok(Self::load_balancer(arn, issuer.into(), keys))
    }

    /// An Application Load Balancer of AWS, whose keys are below another URL: a region that is not known here, or a test. A key is at `KEYS/KID`.
    ///
    /// # Errors
    ///
    /// As [`aws_alb`](Self::aws_alb). The URL is checked when the keys are built.
    pub fn aws_alb_with_keys(
        signer: impl AsRef<str>,
        issuer: impl Into<String>,
        keys: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let arn = AlbArn::new(signer.as_ref())?;
        Ok(Self::load_balancer(arn, issuer.into(), keys.into()))
    }

    fn load_balancer(signer: AlbArn, issuer: String, keys: String) -> Self {
        Self {
            alb_signer: Some(signer),
            keys: KeyLocation::AlbKeys(keys),
            standing: Standing::Header("x-amzn-oidc-data"),
            claims: &["sub"],
            ..Self::new(issuer)
        }
    }
}

/// The ARN of an Application Load Balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlbArn(Box<str>);

impl AlbArn {
    /// Reads `arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID`.
    pub(crate) fn new(arn: &str) -> Result<Self, ConfigError> {
        let plain = |text: &str, allowed: fn(&u8) -> bool| {
            !text.is_empty() && text.bytes().all(|byte| byte == b'-' || allowed(&byte))
        };
        let is_small = |text: &str| {
            plain(text, |byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit()
            })
        };
        let is_word = |text: &str| plain(text, u8::is_ascii_alphanumeric);
        let is_account =
            |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = arn.split(':').collect();
        let is_good = match parts.as_slice() {
            [
                "arn",
                partition,
                "elasticloadbalancing",
                region,
                account,
                resource,
            ] => {
                let resource: Vec<&str> = resource.split('/').collect();
                is_small(partition)
                    && is_small(region)
                    && is_account(account)
                    && matches!(resource.as_slice(), ["loadbalancer", "app", name, id] if is_word(name) && is_word(id))
            }
            _ => false,
        };
        if is_good {
            return Ok(Self(arn.into()));
        }
        invalid(format!(
            "{arn:?} is no ARN of an Application Load Balancer, such as \
             `arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188`"
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL below which the keys of its region are.
    fn keys_url(&self) -> String {
        let mut parts = self.0.split(':').skip(1);
        let partition = parts.next().unwrap_or_default();
        let region = parts.nth(1).unwrap_or_default();
        match partition {
            "aws-us-gov" => {
                format!("https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}")
            }
            "aws-cn" => format!("https://public-keys.auth.elb.{region}.amazonaws.com.cn"),
            _ => format!("https://public-keys.auth.elb.{region}.amazonaws.com"),
        }
    }
}

/// Returns whether this can be the id of a load balancer's key: a UUID in small letters. It becomes part of a URL.
#[cfg(feature = "remote")]
pub(crate) fn is_alb_key_id(id: &str) -> bool {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let groups = id.split('-');
    groups.clone().map(str::len).eq(GROUPS)
        && groups.into_iter().all(|group| group.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop-1/50dc6c495c0c9188";

    #[test]
    fn the_keys_of_a_region_are_where_its_partition_has_them() {
        for (partition, region, url) in [
            (
                "aws",
                "eu-west-1",
                "https://public-keys.auth.elb.eu-west-1.amazonaws.com",
            ),
            (
                "aws-us-gov",
                "us-gov-east-1",
                "https://s3-us-gov-east-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-east-1",
            ),
            (
                "aws-cn",
                "cn-north-1",
                "https://public-keys.auth.elb.cn-north-1.amazonaws.com.cn",
            ),
        ] {
            let arn = ARN
                .replace(":aws:", &format!(":{partition}:"))
                .replace("eu-west-1", region);
            assert_eq!(AlbArn::new(&arn).unwrap().keys_url(), url);
        }
    }

    #[test]
    fn only_an_application_load_balancer_has_such_an_arn() {
        assert!(AlbArn::new(ARN).is_ok());
        for (from, to) in [
            ("arn:", ""),
            (":aws:", ":evil.example/:"),
            ("eu-west-1", "evil.example/"),
            ("eu-west-1", ""),
            ("123456789012", "12345678901"),
            ("123456789012", "12345678901x"),
            ("/app/", "/net/"),
            ("/app/shop-1/", "/app/"),
            ("50dc6c495c0c9188", ""),
            ("50dc6c495c0c9188", "*"),
            ("50dc6c495c0c9188", "a/b"),
            ("50dc6c495c0c9188", "a:b"),
            ("elasticloadbalancing", "iam"),
        ] {
            assert!(AlbArn::new(&ARN.replace(from, to)).is_err(), "{from} {to}");
        }
    }

    #[cfg(feature = "remote")]
    #[test]
    fn the_id_of_a_key_is_a_uuid() {
        assert!(is_alb_key_id("3ecb6573-da56-4946-8a02-a94a613732bd"));
        for id in [
            "",
            "3ecb6573-da56-4946-8a02-a94a613732b",
            "3ecb6573-da56-4946-8a02-a94a613732bdd",
            "3ecb6573-da56-4946-8a02-a94a613732bd-",
            "3ECB6573-da56-4946-8a02-a94a613732bd",
            "3ecb6573-da56-4946-8a02-a94a613732b/",
            "3ecb6573-da56-4946-8a02-a94a6137../.",
            "3ecb6573_da56_4946_8a02_a94a613732bd",
            "3ecb6573da5649468a02a94a613732bd----",
            "gecb6573-da56-4946-8a02-a94a613732bd",
        ] {
            assert!(!is_alb_key_id(id), "{id}");
        }
    }
}

//! Presets for machines: jobs of a CI service, pods of a cluster.

use super::{
    names::{host, invalid, is_guid, segment},
    provider::{KeyLocation, Provider},
};
use crate::{claims::TrustDomain, error::ConfigError};

impl Provider {
    /// CircleCI: the jobs of one organisation, by its id. See [CircleCI](Self#circleci).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `organisation_id` is no GUID.
    pub fn circleci(organisation_id: impl AsRef<str>) -> Result<Self, ConfigError> {
        let id = organisation_id.as_ref();
        if !is_guid(id) {
            return invalid(format!(
                "{id:?} is no organisation of CircleCI: it is a GUID"
            ));
        }
        Ok(Self {
            claims: &["sub", "oidc.circleci.com/project-id"],
            ..Self::new(format!(
                "https://oidc.circleci.com/org/{}",
                id.to_ascii_lowercase()
            ))
        })
    }

    /// GitHub Actions: the jobs of **every** repository of github.com. See [GitHub Actions](Self#github-actions) for the policy that
    /// it needs.
    pub fn github_actions() -> Self {
        Self {
            claims: GITHUB_CLAIMS,
            ..Self::new(GITHUB)
        }
    }

    /// GitHub Actions: the jobs of one enterprise that has an issuer of its own, by its slug. See
    /// [GitHub Actions](Self#github-actions).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `slug` is none.
    pub fn github_actions_enterprise(slug: impl AsRef<str>) -> Result<Self, ConfigError> {
        let slug = segment(slug.as_ref(), "enterprise")?;
        Ok(Self {
            claims: GITHUB_CLAIMS,
            ..Self::new(format!("{GITHUB}/{slug}"))
        })
    }

    /// GitLab: the jobs of **every** project of an instance, by its domain, for example `gitlab.com`. See
    /// [GitLab](Self#gitlab) for the policy that it needs.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `domain` is no host name.
    pub fn gitlab_ci(domain: impl AsRef<str>) -> Result<Self, ConfigError> {
        let domain = host(domain.as_ref())?;
        Ok(Self {
            claims: &[
                "sub",
                "project_id",
                "namespace_id",
                "job_id",
                "ref_protected",
            ],
            ..Self::new(format!("https://{domain}"))
        })
    }

    /// Kubernetes: the service accounts of one cluster, by its issuer. See [Kubernetes](Self#kubernetes).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `issuer` is no `https` URL: the tokens without end of older clusters, whose issuer is
    /// `kubernetes/serviceaccount`, are not accepted.
    pub fn kubernetes(issuer: impl Into<String>) -> Result<Self, ConfigError> {
        let issuer = issuer.into();
        let rest = issuer.strip_prefix("https://").unwrap_or("");
        let is_url = !rest.is_empty()
            && !rest.contains(['?', '#', '@'])
            && rest.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_url {
            return invalid(format!(
                "{issuer:?} is no issuer of a cluster: it is an `https` URL"
            ));
        }
        Ok(Self {
            claims: &["sub", "kubernetes.io"],
            ..Self::new(issuer)
        })
    }

    /// SPIFFE: the JWT-SVIDs of the workloads of one trust domain, for example `example.org`, whose bundle is at this URL. The
    /// trust domain in `sub` tells the issuer, and `iss` need not be there. See [SPIFFE](Self#spiffe).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `trust_domain` is none. The URL is checked when the keys are built.
    pub fn spiffe(
        trust_domain: impl AsRef<str>,
        bundle: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            issuers: Vec::new(),
            trust_domain: Some(TrustDomain::new(trust_domain.as_ref())?),
            keys: KeyLocation::SpiffeBundle(bundle.into()),
            ..Self::new("")
        })
    }
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";

const GITHUB_CLAIMS: &[&str] = &[
    "sub",
    "repository_id",
    "repository_owner_id",
    "job_workflow_ref",
    "run_id",
];

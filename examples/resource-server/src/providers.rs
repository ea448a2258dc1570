//! The presets of the library, by name: `provider = "github-actions"`.

use countersign::{ConfigError, Provider};
use serde::Deserialize;

/// A provider by its name, with what its preset needs.
#[derive(Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    expecting = "a name, or a table like { firebase = { project = \"shop-1\" } }"
)]
pub(crate) enum ProviderSettings {
    AppleIdTokens,
    Auth0 {
        domain: String,
        organisation: Option<String>,
    },
    AwsAlb {
        signer: String,
        issuer: String,
        keys: Option<String>,
    },
    Circleci {
        organisation: String,
    },
    Clerk {
        domain: String,
    },
    CloudflareAccess {
        team: String,
    },
    Cognito {
        region: String,
        user_pool: String,
    },
    Entra {
        tenant: String,
    },
    Firebase {
        project: String,
    },
    FirebaseSessionCookies {
        project: String,
    },
    GithubActions,
    GithubActionsEnterprise {
        slug: String,
    },
    GitlabCi {
        domain: String,
    },
    Google,
    GoogleIap,
    Keycloak {
        base: String,
        realm: String,
    },
    Kubernetes {
        issuer: String,
    },
    Okta {
        domain: String,
        server: String,
    },
    Spiffe {
        trust_domain: String,
        bundle: String,
    },
    Supabase {
        project: String,
    },
    Workos {
        client_id: String,
    },
    Zitadel {
        domain: String,
    },
}

impl ProviderSettings {
    /// Returns whether a profile for the whole file is meant for this provider, too: no value of a claim is the marker of its access tokens.
    pub(crate) fn takes_profile(&self) -> bool {
        matches!(self, Self::Auth0 { .. } | Self::Okta { .. })
    }

    /// Returns the preset.
    pub(crate) fn preset(&self) -> Result<Provider, ConfigError> {
        match self {
            Self::AppleIdTokens => Ok(Provider::apple_id_tokens()),
            Self::Auth0 {
                domain,
                organisation: Some(organisation),
            } => Provider::auth0_organisation(domain, organisation),
            Self::Auth0 { domain, .. } => Provider::auth0(domain),
            Self::AwsAlb {
                signer,
                issuer,
                keys: Some(keys),
            } => Provider::aws_alb_with_keys(signer, issuer, keys),
            Self::AwsAlb { signer, issuer, .. } => Provider::aws_alb(signer, issuer),
            Self::Circleci { organisation } => Provider::circleci(organisation),
            Self::Clerk { domain } => Provider::clerk(domain),
            Self::CloudflareAccess { team } => Provider::cloudflare_access(team),
            Self::Cognito { region, user_pool } => Provider::cognito(region, user_pool),
            Self::Entra { tenant } => Provider::entra(tenant),
            Self::Firebase { project } => Provider::firebase(project),
            Self::FirebaseSessionCookies { project } => Provider::firebase_session_cookies(project),
            Self::GithubActions => Ok(Provider::github_actions()),
            Self::GithubActionsEnterprise { slug } => Provider::github_actions_enterprise(slug),
            Self::GitlabCi { domain } => Provider::gitlab_ci(domain),
            Self::Google => Ok(Provider::google()),
            Self::GoogleIap => Ok(Provider::google_iap()),
            Self::Keycloak { base, realm } => Provider::keycloak(base, realm),
            Self::Kubernetes { issuer } => Provider::kubernetes(issuer),
            Self::Okta { domain, server } => Provider::okta(domain, server),
            Self::Spiffe {
                trust_domain,
                bundle,
            } => Provider::spiffe(trust_domain, bundle),
            Self::Supabase { project } => Provider::supabase(project),
            Self::Workos { client_id } => Provider::workos(client_id),
            Self::Zitadel { domain } => Provider::zitadel(domain),
        }
    }
}

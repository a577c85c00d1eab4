//! Command line of the operator.

use clap::Parser;
use orrery_shell::ShellArgs;

use crate::controller::context::Scope;
use crate::controller::pods::{self, Images, Pods};

/// Operates Orrery archives: workers, tables, users, placement.
#[derive(Parser, Clone, Debug)]
#[command(version)]
pub struct Config {
    /// Logs and admin port. The pods that the operator makes log in the same format.
    #[command(flatten)]
    pub shell: ShellArgs,
    /// Namespace of the archive to serve.
    #[arg(
        long,
        env = "ORRERY_NAMESPACE",
        required_unless_present = "all_namespaces"
    )]
    pub namespace: Option<String>,
    /// Serve the archives of all namespaces.
    #[arg(
        long,
        env = "ORRERY_ALL_NAMESPACES",
        conflicts_with = "namespace",
        requires = "lease_namespace"
    )]
    pub all_namespaces: bool,
    /// Namespace of the leader's Lease; the archive's when absent.
    #[arg(long, env = "ORRERY_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Name of this process among the candidates; its pod's name. No other process may have it at
    /// the same time.
    #[arg(long, env = "ORRERY_IDENTITY")]
    pub identity: String,
    /// Image with Orrery's programs, for worker pods and loaders.
    #[arg(long, env = "ORRERY_IMAGE")]
    pub image: String,
    /// Image with MariaDB and the sky functions, for worker pods.
    #[arg(long, env = "ORRERY_MYSQLD_IMAGE")]
    pub mysqld_image: String,
    /// imagePullPolicy of the pods the operator makes.
    #[arg(long, env = "ORRERY_IMAGE_PULL_POLICY")]
    pub image_pull_policy: Option<String>,
    /// Secret to pull images with; may be repeated.
    #[arg(
        long = "image-pull-secret",
        env = "ORRERY_IMAGE_PULL_SECRETS",
        value_delimiter = ','
    )]
    pub image_pull_secrets: Vec<String>,
    /// As whom the pods that the operator makes run, and with what, as JSON:
    /// `podSecurityContext`, `containerSecurityContext`, `agentResources`, `loaderResources`.
    #[arg(long, env = "ORRERY_PODS", default_value = "{}", value_parser = pods::parse)]
    pub pods: Pods,
}

impl Config {
    /// Which archives to serve.
    pub fn scope(&self) -> Scope {
        match &self.namespace {
            Some(namespace) => Scope::Namespace(namespace.clone()),
            None => Scope::All,
        }
    }

    /// Namespace of the Lease, which clap's rules make sure there is.
    pub fn lease_namespace(&self) -> &str {
        self.lease_namespace
            .as_deref()
            .or(self.namespace.as_deref())
            .unwrap_or("default")
    }

    /// Images of the pods the operator makes.
    pub fn images(&self) -> Images {
        Images {
            orrery: self.image.clone(),
            mysqld: self.mysqld_image.clone(),
            pull_policy: self.image_pull_policy.clone(),
            pull_secrets: self.image_pull_secrets.clone(),
            log_format: self.shell.log.log_format,
            pods: self.pods.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Config;
    use crate::controller::context::Scope;

    const IMAGES: [&str; 4] = ["--image", "orrery", "--mysqld-image", "mysqld"];

    fn parse(flags: &[&str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(
            ["operator", "--identity", "a"]
                .iter()
                .chain(&IMAGES)
                .chain(flags),
        )
    }

    #[test]
    fn one_namespace_or_all_but_not_both_and_not_none() {
        let one = parse(&["--namespace", "sky"]).unwrap();
        assert_eq!(
            (one.scope(), one.lease_namespace()),
            (Scope::Namespace("sky".into()), "sky")
        );
        let all = parse(&["--all-namespaces", "--lease-namespace", "system"]).unwrap();
        assert_eq!((all.scope(), all.lease_namespace()), (Scope::All, "system"));
        assert!(parse(&[]).is_err());
        assert!(parse(&["--all-namespaces"]).is_err());
        assert!(
            parse(&[
                "--all-namespaces",
                "--lease-namespace",
                "s",
                "--namespace",
                "sky"
            ])
            .is_err()
        );
    }
}

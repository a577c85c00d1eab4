//! What the pods that the operator makes have in common.

use k8s_openapi::api::core::v1::{
    Capabilities, EnvVar, LocalObjectReference, PodSecurityContext, ResourceRequirements,
    SeccompProfile, SecurityContext,
};
use orrery_shell::LogFormat;
use serde::Deserialize;

/// User and group of the images.
const USER: i64 = 65532;

/// Images of the pods the operator makes, and what else they have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// Image with Orrery's own programs.
    pub orrery: String,
    /// Image with MariaDB and the sky functions.
    pub mysqld: String,
    /// `imagePullPolicy` of both; the cluster's default when absent.
    pub pull_policy: Option<String>,
    /// Names of Secrets to pull them with.
    pub pull_secrets: Vec<String>,
    /// Format of the logs of Orrery's programs in them.
    pub log_format: LogFormat,
    /// As whom they run, and with what.
    pub pods: Pods,
}

impl Images {
    /// Tells a program of ours in a pod in which format it logs.
    pub fn log_format(&self) -> EnvVar {
        EnvVar {
            name: "ORRERY_LOG_FORMAT".into(),
            value: Some(self.log_format.as_str().into()),
            ..EnvVar::default()
        }
    }

    /// The pods' `imagePullSecrets`; `None` when there are none.
    pub fn pull_secrets(&self) -> Option<Vec<LocalObjectReference>> {
        let secret = |name: &String| LocalObjectReference { name: name.clone() };
        (!self.pull_secrets.is_empty()).then(|| self.pull_secrets.iter().map(secret).collect())
    }
}

/// As whom the pods run, and with what resources.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Pods {
    /// Of the pods.
    pub pod_security_context: PodSecurityContext,
    /// Of their containers.
    pub container_security_context: SecurityContext,
    /// Of agents; those of mysqld are in the WorkerPool.
    pub agent_resources: ResourceRequirements,
    /// Of loaders whose Ingest does not say.
    pub loader_resources: ResourceRequirements,
}

impl Default for Pods {
    /// What the level `restricted` of pod security asks for, as the images' user.
    fn default() -> Self {
        Self {
            pod_security_context: PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                fs_group: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".into(),
                    ..SeccompProfile::default()
                }),
                ..PodSecurityContext::default()
            },
            container_security_context: SecurityContext {
                allow_privilege_escalation: Some(false),
                read_only_root_filesystem: Some(true),
                capabilities: Some(Capabilities {
                    drop: Some(vec!["ALL".into()]),
                    ..Capabilities::default()
                }),
                ..SecurityContext::default()
            },
            agent_resources: ResourceRequirements::default(),
            loader_resources: ResourceRequirements::default(),
        }
    }
}

/// The pods as a flag says them, in JSON.
pub fn parse(text: &str) -> Result<Pods, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::{Pods, parse};

    #[test]
    fn what_a_flag_does_not_say_is_restricted_and_a_misspelt_word_is_an_error() {
        let said = parse(r#"{"agentResources": {"limits": {"memory": "1Gi"}}}"#).unwrap();
        assert!(said.agent_resources.limits.is_some());
        assert_eq!(
            said.pod_security_context,
            Pods::default().pod_security_context
        );
        assert!(parse(r#"{"agentresources": {}}"#).is_err());
    }

    #[test]
    fn a_namespace_may_choose_the_user() {
        let said = parse(r#"{"podSecurityContext": {"runAsNonRoot": true}}"#).unwrap();
        assert_eq!(said.pod_security_context.run_as_user, None);
    }
}

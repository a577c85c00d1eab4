//! What feeds a czar's or a proxy's [`Hub`]: the cluster API and a file, or a file alone.

use std::path::{Path, PathBuf};

use clap::Args;
use thiserror::Error;

use crate::lease::{InUse, Reader};
use crate::{Hub, api, file, lease};

/// Where the catalog comes from.
#[derive(Args, Clone, Debug)]
pub struct SourceArgs {
    /// Snapshot file: kept up to date, and read at start so that the program can work while the
    /// cluster API is away. With --without-cluster it is the only source.
    #[arg(long, env = "ORRERY_SNAPSHOT")]
    pub snapshot: Option<PathBuf>,
    /// Use the snapshot file alone.
    #[arg(long, env = "ORRERY_WITHOUT_CLUSTER", requires = "snapshot")]
    pub without_cluster: bool,
    /// Namespace of the archive.
    #[arg(long, env = "ORRERY_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// This pod's name; also that of its Lease. Without it no Lease is renewed.
    #[arg(long, env = "POD_NAME", requires = "pod_uid")]
    pub pod_name: Option<String>,
    /// This pod's UID.
    #[arg(long, env = "POD_UID", requires = "pod_name")]
    pub pod_uid: Option<String>,
}

/// Why the catalog cannot be followed.
#[derive(Debug, Error)]
pub enum SourceError {
    /// There is no way to the cluster API.
    #[error("cluster API: {0}")]
    Cluster(#[from] kube::config::InferConfigError),
    /// The way to the cluster API cannot be used.
    #[error("cluster API: {0}")]
    Client(#[from] kube::Error),
}

impl SourceArgs {
    /// Feeds `hub` from now on, and says what is `in_use` in this pod's Lease, also of the TLS files
    /// in the folder `tls`. `component` is the program's name in the Lease.
    pub async fn follow(
        &self,
        component: &str,
        tls: Option<&Path>,
        hub: &Hub,
        in_use: InUse,
    ) -> Result<(), SourceError> {
        if let Some(path) = &self.snapshot {
            if self.without_cluster {
                tokio::spawn(file::follow(path.clone(), hub.clone()));
                return Ok(());
            }
            // The first start has no file. What was known last serves while the cluster API is
            // away; anything newer replaces it.
            if path.exists()
                && let Err(error) = file::load(path, hub)
            {
                tracing::warn!(%error, "the kept snapshot is not used");
            }
            tokio::spawn(file::keep_saved(path.clone(), hub.clone()));
        }
        let client = kube::Client::try_default().await?;
        tokio::spawn(api::run(
            client.clone(),
            self.namespace.clone(),
            hub.clone(),
        ));
        if let (Some(pod), Some(pod_uid)) = (&self.pod_name, &self.pod_uid) {
            let reader = Reader {
                pod: pod.clone(),
                pod_uid: pod_uid.clone(),
                component: component.to_owned(),
                tls: tls.map(Path::to_owned),
            };
            tokio::spawn(lease::renew(client, self.namespace.clone(), reader, in_use));
        }
        Ok(())
    }
}

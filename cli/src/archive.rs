//! Which archive of which cluster is asked.

use anyhow::{Context as _, Result};
use clap::Args;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};

/// Which archive of which cluster.
#[derive(Args)]
pub struct Cluster {
    /// Namespace of the archive; the context's when absent.
    #[arg(short, long, global = true)]
    namespace: Option<String>,
    /// Context of the kubeconfig; its current one when absent.
    #[arg(long, global = true)]
    context: Option<String>,
}

/// A client and the namespace it is to look at.
pub struct Archive {
    /// The client.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl Cluster {
    /// A client of that cluster.
    pub async fn connect(self) -> Result<Archive> {
        let options = KubeConfigOptions {
            context: self.context,
            ..KubeConfigOptions::default()
        };
        let config = if options.context.is_some() {
            Config::from_kubeconfig(&options)
                .await
                .context("reading the kubeconfig")?
        } else {
            Config::infer().await.context("finding the cluster")?
        };
        let namespace = self
            .namespace
            .unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).context("preparing the connection to the cluster")?;
        Ok(Archive { client, namespace })
    }
}

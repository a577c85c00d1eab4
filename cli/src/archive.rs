//! Which archive of which cluster is asked.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use kube::config::{KubeConfigOptions, Kubeconfig};
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
    /// File with the clusters and how to reach them; `KUBECONFIG` or `~/.kube/config` when absent.
    #[arg(long, global = true)]
    kubeconfig: Option<PathBuf>,
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
    pub async fn connect(&self) -> Result<Archive> {
        let config = self.config().await?;
        let namespace = self
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).context("preparing the connection to the cluster")?;
        Ok(Archive { client, namespace })
    }

    async fn config(&self) -> Result<Config> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        match (&self.kubeconfig, &self.context) {
            (Some(path), _) => {
                let file = Kubeconfig::read_from(path)
                    .with_context(|| format!("reading {}", path.display()))?;
                Config::from_custom_kubeconfig(file, &options)
                    .await
                    .with_context(|| format!("reading {}", path.display()))
            }
            (None, Some(_)) => Config::from_kubeconfig(&options)
                .await
                .context("reading the kubeconfig"),
            (None, None) => Config::infer().await.context("finding the cluster"),
        }
    }

    /// The flags with which kubectl asks the same cluster; the namespace is not among them.
    pub fn flags(&self) -> Vec<OsString> {
        let context = self.context.iter().map(OsString::from);
        let kubeconfig = self.kubeconfig.iter().map(OsString::from);
        let context = context.flat_map(|context| ["--context".into(), context]);
        let kubeconfig = kubeconfig.flat_map(|path| ["--kubeconfig".into(), path]);
        context.chain(kubeconfig).collect()
    }
}

//! Certificates of the tests, and the operator's view of a loader.

use std::time::Duration;

use orrery_agent::testing::Archive;
use orrery_archive::names::Role;
use orrery_loader::agents;
use orrery_tls::{Files, Identity};
use orrery_worker_api::loader::{LoaderStatus, LoaderStep};

/// Key, certificate and CA of `role`.
pub fn identity(archive: &Archive, role: Role) -> Identity {
    Files::read(&archive.tls_dir(role)).unwrap().identity().unwrap()
}

/// A client with the certificate of `role` for servers of another.
pub fn client(archive: &Archive, role: Role, of_server: Role) -> reqwest::Client {
    agents::client(identity(archive, role).client(of_server).unwrap()).unwrap()
}

/// The status of the loader at `url`.
pub async fn status(client: &reqwest::Client, url: &str) -> reqwest::Result<LoaderStatus> {
    client.get(format!("{url}/v1/status")).send().await?.json().await
}

/// Waits for a step; any end that is not it fails.
pub async fn until(client: &reqwest::Client, url: &str, step: LoaderStep) -> LoaderStatus {
    loop {
        if let Ok(status) = status(client, url).await {
            if status.step == step {
                return status;
            }
            let ended = matches!(status.step, LoaderStep::Failed | LoaderStep::Loaded);
            assert!(
                !ended,
                "{:?} instead of {step:?}: {:?}",
                status.step, status.error
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

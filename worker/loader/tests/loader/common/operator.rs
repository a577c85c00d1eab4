//! A loader as the operator sees it.

use std::time::Duration;

use orrery_archive::names::Role;
use orrery_kit_worker::{Archive, TIMEOUTS};
use orrery_worker_api::client::{LoaderClient, Loaders};
use orrery_worker_api::loader::{LoaderStatus, LoaderStep};

/// The loader at `url` as the operator calls it.
pub fn loader(archive: &Archive, url: &str) -> LoaderClient {
    let loaders = Loaders::new(&archive.identity(Role::Operator), TIMEOUTS).unwrap();
    loaders.at(url).unwrap()
}

/// Waits for a step; any end that is not it fails.
pub async fn until(loader: &LoaderClient, step: LoaderStep) -> LoaderStatus {
    loop {
        if let Ok(status) = loader.status().await {
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

//! The czar's side of TLS towards agents.

use std::path::Path;

use orrery_archive::names::Role;
use orrery_tls::Files;

/// A client that calls agents with the certificate in `folder` (`tls.crt`, `tls.key`, `ca.crt`).
pub fn agent_client(folder: &Path) -> anyhow::Result<reqwest::Client> {
    let config = Files::read(folder)?.identity()?.client(Role::Agent)?;
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .build()?)
}

//! The order to seal, at one worker.

use orrery_worker_api::CallError;
use orrery_worker_api::agent::ManifestRow;
use orrery_worker_api::client::AgentClient;

/// Has a worker seal attempts: the rows of its manifest, or `None` while it is still counting.
///
/// An attempt that the agent does not know has no rows there: its directory was lost, or the attempt
/// was never opened on it. That is an answer. Waiting as for one that is silent changes nothing.
pub async fn seal(
    agent: &AgentClient,
    attempts: &[u64],
    term: u64,
) -> Result<Option<Vec<ManifestRow>>, CallError> {
    let mut rows = Vec::new();
    for attempt in attempts {
        match agent.seal(*attempt, term).await {
            Ok(Some(sealed)) => rows.extend(sealed),
            Ok(None) => return Ok(None),
            Err(error) if error.is_not_found() => {
                tracing::warn!(attempt, %error, "a worker has nothing of an attempt");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(rows))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use orrery_archive::names::Holder;

    use super::*;
    use crate::agents::tests::{agents, serve};
    use crate::secrets::certificates::authority;

    /// What comes of the order when the agent answers with this.
    async fn answered(
        ip: [u8; 4],
        status: &'static str,
        body: &'static str,
    ) -> Result<Option<Vec<ManifestRow>>, CallError> {
        let ca = authority("sky", SystemTime::now()).unwrap();
        let (address, _) = serve(ip, &ca, Holder::Worker(1), status, body).await;
        let agent = agents(&ca).of("sky", 1, &address).unwrap();
        seal(&agent, &[7], 1).await
    }

    #[tokio::test]
    async fn an_attempt_that_the_agent_does_not_know_has_no_rows_there() {
        let unknown =
            r#"{"reason": "NotFound", "message": "attempt 7 is not open on this worker"}"#;
        let rows = answered([127, 8, 6, 1], "404 Not Found", unknown).await;
        assert_eq!(rows.unwrap(), Some(Vec::new()));
    }

    #[tokio::test]
    async fn any_other_refusal_is_no_answer_about_rows() {
        let adopted = r#"{"reason": "NotAdopted", "message": "adopt it first"}"#;
        let refused = answered([127, 8, 6, 2], "409 Conflict", adopted).await;
        assert_eq!(refused.unwrap_err().reason(), Some("NotAdopted"));
        let no_agent = answered([127, 8, 6, 3], "404 Not Found", "").await;
        assert!(no_agent.is_err(), "another server has the address");
    }
}

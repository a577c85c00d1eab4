//! What users' objects say of themselves.

use k8s_openapi::jiff::Timestamp;
use kube::Resource as _;
use orrery_crds::kinds::{QueryUser, QueryUserStatus};

use crate::controller::conditions::{self, ACCEPTED, Finding};
use crate::controller::context::Context;
use crate::controller::status;

/// Writes the statuses that differ, and publishes which users are refused. `findings` are in the
/// order of the users.
pub async fn write(
    context: &Context,
    namespace: &str,
    users: &[QueryUser],
    findings: &[Finding],
) -> Result<(), kube::Error> {
    for (user, finding) in users.iter().zip(findings) {
        let wanted = wanted(user, finding, Timestamp::now());
        if status::write(context, namespace, user, wanted).await? {
            context.events.refused(&user.object_ref(&()), finding).await;
        }
    }
    Ok(())
}

fn wanted(user: &QueryUser, finding: &Finding, now: Timestamp) -> QueryUserStatus {
    let generation = user.metadata.generation;
    let mut status = user.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    conditions::set(&mut status.conditions, ACCEPTED, finding, generation, now);
    status
}

//! Carries a rotation of the authorities on by a step: what pods work with, and the Secret.

use std::collections::BTreeMap;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use orrery_archive::names::{
    CA_SECRET, COMPONENT_LABEL, Holder, ROTATE_ANNOTATION, ROTATION_ANNOTATION, WORKER_LABEL,
    WorkerId,
};
use orrery_snapshot::lease::{READER_LABEL, TLS};
use orrery_tls::Files;

use super::apply::make_authority;
use super::authorities::Authorities;
use super::certificates::authority_ends;
use super::error::SecretsError;
use super::observe::Observed;
use super::rotation::{Sight, Step, step};
use super::values::{AUTHORITY, CERTIFICATE, text};
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::field_manager;
use crate::pools::observe::pod_address;

/// Annotation of the authorities' Secret: since which second of Unix time all Secrets are complete.
const SINCE_ANNOTATION: &str = "orrery.dev/certificates-complete-since";

/// Does what is due. Returns whether the authorities changed, so that Secrets are to be written.
pub async fn turn(
    context: &Context,
    namespace: &str,
    observed: &Observed,
    authorities: Authorities,
    complete: bool,
) -> Result<bool, SecretsError> {
    let Some(live) = observed.secrets.get(CA_SECRET) else {
        return Ok(false);
    };
    let now = Timestamp::now();
    let since = live.annotations().get(SINCE_ANNOTATION);
    let under_way = authorities.second.is_some();
    let late = if under_way && complete {
        late(context, namespace, observed).await?
    } else {
        Vec::new()
    };
    let step = step(&Sight {
        authorities: &authorities,
        due: live.annotations().contains_key(ROTATE_ANNOTATION)
            || authority_ends(namespace, &authorities.signer.certificate, now),
        complete,
        since: since.and_then(|since| since.parse().ok()),
        late: &late,
        now,
    });
    let mut wanted = live.clone();
    let changed = match &step {
        Step::Begin => {
            let next = make_authority(namespace)?;
            wanted.annotations_mut().remove(ROTATE_ANNOTATION);
            wanted.data = Some(authorities.with_next(next).data(live));
            true
        }
        Step::Turn => {
            wanted.data = Some(authorities.turned().data(live));
            true
        }
        Step::Note | Step::Wait(_) | Step::Rest => false,
    };
    note(&mut wanted, &step, now);
    if wanted != *live {
        replace(context, namespace, &wanted).await?;
    }
    if changed {
        let note = match step {
            Step::Begin => "a new certificate authority is announced to all pods",
            _ => "the certificate authorities took a turn",
        };
        let about = wanted.object_ref(&());
        let event = Event::normal("AuthorityTurns", note);
        context.events.publish(&about, None, event).await;
    }
    Ok(changed)
}

/// What the Secret says of the rotation.
fn note(secret: &mut Secret, step: &Step, now: Timestamp) {
    let mut annotations = secret.annotations().clone();
    match step {
        Step::Note => {
            annotations.insert(SINCE_ANNOTATION.into(), now.as_second().to_string());
        }
        Step::Wait(why) => {
            annotations.insert(ROTATION_ANNOTATION.into(), why.clone());
        }
        Step::Begin | Step::Turn | Step::Rest => {
            annotations.remove(SINCE_ANNOTATION);
            annotations.remove(ROTATION_ANNOTATION);
        }
    }
    secret.metadata.annotations = (!annotations.is_empty()).then_some(annotations);
}

async fn replace(context: &Context, namespace: &str, secret: &Secret) -> Result<(), SecretsError> {
    let api = context.api::<Secret>(namespace);
    let replaced = api.replace(CA_SECRET, &field_manager::post(), secret).await;
    replaced.map_err(|source| SecretsError::Api {
        name: CA_SECRET.into(),
        source,
    })?;
    context.metrics.wrote("Secret", "updated");
    Ok(())
}

/// Names of the pods that do not say that they work with what their Secrets hold.
async fn late(
    context: &Context,
    namespace: &str,
    observed: &Observed,
) -> Result<Vec<String>, SecretsError> {
    let selector =
        format!("app.kubernetes.io/name=orrery,{COMPONENT_LABEL} in (czar,proxy,worker)");
    let pods = context.list::<Pod>(namespace, Some(&selector)).await?;
    let selector = format!("{READER_LABEL}=true");
    let leases = context.list::<Lease>(namespace, Some(&selector)).await?;
    let said: BTreeMap<String, String> = leases
        .valid
        .iter()
        .filter_map(|lease| Some((lease.name_any(), lease.annotations().get(TLS)?.clone())))
        .collect();
    let mut late = pods.malformed;
    for pod in pods.valid.iter().filter(|pod| runs(pod)) {
        let name = pod.name_any();
        let works_with = match holder(pod) {
            Some(Holder::Worker(id)) => in_use_on(context, namespace, pod, id).await,
            Some(other) => vec![(other, said.get(&name).cloned())],
            None => continue,
        };
        let up_to_date = |(holder, digest): &(Holder, Option<String>)| {
            digest.is_some() && *digest == expected(observed, *holder)
        };
        if !works_with.iter().all(up_to_date) {
            late.push(name);
        }
    }
    Ok(late)
}

/// Whether a pod may have mounted Secrets, and still use them.
fn runs(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let scheduled = pod
        .spec
        .as_ref()
        .is_some_and(|spec| spec.node_name.is_some());
    scheduled && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whose certificate a pod has.
fn holder(pod: &Pod) -> Option<Holder> {
    match pod.labels().get(COMPONENT_LABEL)?.as_str() {
        "czar" => Some(Holder::Czar),
        "proxy" => Some(Holder::Proxy),
        "worker" => Some(Holder::Worker(
            pod.labels().get(WORKER_LABEL)?.parse().ok()?,
        )),
        _ => None,
    }
}

/// What a worker's agent says of itself and its mysqld.
async fn in_use_on(
    context: &Context,
    namespace: &str,
    pod: &Pod,
    worker: WorkerId,
) -> Vec<(Holder, Option<String>)> {
    let asked = async {
        let address = pod_address(pod)?;
        let agent = context.agents.of(namespace, worker, address).ok()?;
        agent.info().await.ok()
    };
    // Whoever does not answer says nothing, and is waited for.
    let tls = asked.await.map(|info| info.tls).unwrap_or_default();
    vec![
        (Holder::Worker(worker), tls.agent),
        (Holder::Mysqld, tls.mysqld),
    ]
}

/// The digest of what the holder's Secret holds.
fn expected(observed: &Observed, holder: Holder) -> Option<String> {
    let name = holder.tls_secret();
    let of = |key| text(&observed.secrets, &name, key).map(|text| text.as_bytes().to_vec());
    Some(Files::new(of(CERTIFICATE)?, Vec::new(), of(AUTHORITY)?).digest())
}

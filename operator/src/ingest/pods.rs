//! What the cluster says of the loader's Job and its pods, pure.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::job::INGEST_LABEL;

/// Whether a Job runs no pod any more.
pub fn has_ended(job: &Job) -> bool {
    let conditions = job
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|conditions| {
        conditions.iter().any(|condition| {
            condition.status == "True" && matches!(condition.type_.as_str(), "Complete" | "Failed")
        })
    })
}

/// Pods of an ingest's loader.
pub fn pods_of<'a>(ingest: &'a str, pods: &'a [Pod]) -> impl Iterator<Item = &'a Pod> {
    let label = |pod: &Pod| pod.labels().get(INGEST_LABEL).cloned();
    pods.iter()
        .filter(move |pod| label(pod).as_deref() == Some(ingest))
}

/// Why a pod of the loader does not start, as its status says it: no node takes it, or its image or
/// its configuration is not there.
pub fn obstacle(ingest: &str, pods: &[Pod]) -> Option<String> {
    let said = |pod: &Pod| {
        let status = pod.status.as_ref()?;
        let unscheduled = status
            .conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
        let waiting = status
            .container_statuses
            .iter()
            .flatten()
            .find_map(|container| {
                let waiting = container.state.as_ref()?.waiting.as_ref()?;
                Some((waiting.reason.as_deref()?, waiting.message.as_deref()?))
            });
        let unscheduled = unscheduled.and_then(|condition| condition.message.clone());
        unscheduled.or_else(|| waiting.map(|(reason, message)| format!("{reason}: {message}")))
    };
    pods_of(ingest, pods).find_map(said)
}

/// When an Event was seen last.
pub fn event_time(event: &Event) -> Option<Timestamp> {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    last.or(event.event_time.as_ref().map(|time| time.0))
}

/// What a node said that put a pod of the loader out for the disk space it used: the pod that
/// follows would fill the next node's disk. `None` when none was.
pub fn out_of_disk(ingest: &str, pods: &[Pod]) -> Option<String> {
    const OF_DISK: [&str; 3] = [
        "ephemeral-storage",
        "ephemeral local storage",
        "EmptyDir volume",
    ];
    pods_of(ingest, pods).find_map(|pod| {
        let status = pod.status.as_ref()?;
        let evicted = status.reason.as_deref() == Some("Evicted");
        let said = status.message.as_ref().filter(|_| evicted)?;
        let of_disk = OF_DISK.iter().any(|words| said.contains(words));
        of_disk.then(|| said.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(name: &str, status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {INGEST_LABEL: "i"}}, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn only_a_pod_put_out_for_its_disk_space_is_out_of_disk() {
        let said = "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi";
        let disk = json!({"phase": "Failed", "reason": "Evicted", "message": said});
        let memory = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
        let limit = json!({"phase": "Failed", "reason": "Evicted", "message": "Usage of EmptyDir volume \"spool\" exceeds the limit \"1Gi\"."});
        let pending = json!({"phase": "Pending"});
        assert_eq!(out_of_disk("i", &[pod("a", &disk)]).as_deref(), Some(said));
        assert!(out_of_disk("i", &[pod("a", &limit)]).is_some());
        assert_eq!(out_of_disk("i", &[pod("a", &memory)]), None);
        assert_eq!(out_of_disk("j", &[pod("a", &disk)]), None);
        assert!(out_of_disk("i", &[pod("a", &disk), pod("b", &pending)]).is_some());
        assert_eq!(out_of_disk("i", &[pod("b", &pending)]), None);
    }

    #[test]
    fn what_keeps_a_pod_from_starting_is_said() {
        let claim = "0/4 nodes are available: persistentvolumeclaim \"files\" not found.";
        let scheduled =
            |status: &str| json!({"type": "PodScheduled", "status": status, "message": claim});
        let waiting = |reason: &str, message: Option<&str>| {
            let state = json!({"waiting": {"reason": reason, "message": message}});
            json!({"phase": "Pending", "containerStatuses": [{
                "name": "loader", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
            }]})
        };
        for (status, said) in [
            (
                json!({"phase": "Pending", "conditions": [scheduled("False")]}),
                Some(claim),
            ),
            (
                json!({"phase": "Pending", "conditions": [scheduled("True")]}),
                None,
            ),
            (
                waiting("ImagePullBackOff", Some("no such image")),
                Some("ImagePullBackOff: no such image"),
            ),
            (waiting("ContainerCreating", None), None),
        ] {
            let pods = [pod("a", &status)];
            assert_eq!(obstacle("i", &pods).as_deref(), said, "{status}");
            assert_eq!(obstacle("j", &pods), None, "another ingest's");
        }
    }
}

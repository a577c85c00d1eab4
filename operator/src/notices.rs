//! Events: what the operator tells people about an object.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

use crate::apply::{Change, MANAGER};
use crate::metrics::Metrics;

/// Publishes Events; shared by all controllers, so that repeats are counted in one Event.
#[derive(Clone)]
pub struct Notices {
    recorder: Recorder,
    metrics: Metrics,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether somebody should look.
    pub warning: bool,
    /// Why, in CamelCase.
    pub reason: &'static str,
    /// In words.
    pub note: String,
}

impl Notices {
    /// Publishes as the process `identity`.
    pub fn new(client: Client, identity: &str, metrics: Metrics) -> Self {
        let reporter = Reporter {
            controller: MANAGER.into(),
            instance: Some(identity.into()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
            metrics,
        }
    }

    /// Tells `notice` about `about`. An Event that cannot be written is logged: nothing depends on it.
    pub async fn tell(&self, about: &ObjectReference, related: Option<ObjectReference>, notice: Notice) {
        let event = Event {
            type_: if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: notice.reason.into(),
            note: Some(shorten(notice.note)),
            action: "Reconcile".into(),
            secondary: related,
        };
        if let Err(error) = self.recorder.publish(&event, about).await {
            tracing::warn!(%error, reason = event.reason, "cannot publish an event");
        }
    }

    /// Counts what an apply did to `object` and tells it about `about`.
    pub async fn applied<K>(&self, about: &ObjectReference, object: &K, change: &Change)
    where
        K: Resource<DynamicType = ()>,
    {
        let kind = K::kind(&());
        let name = object.meta().name.clone().unwrap_or_default();
        let (label, notice) = match change {
            Change::Unchanged => return,
            Change::Created => ("created", normal("Created", format!("made {kind} {name}"))),
            Change::Updated => ("updated", normal("Updated", format!("changed {kind} {name}"))),
            Change::Reverted(fields) => ("reverted", reverted(&kind, &name, fields)),
        };
        tracing::info!(%kind, name, change = label, "{}", notice.note);
        self.metrics.wrote(&kind, label);
        self.tell(about, Some(object.object_ref(&())), notice).await;
    }
}

fn normal(reason: &'static str, note: String) -> Notice {
    Notice {
        warning: false,
        reason,
        note,
    }
}

fn reverted(kind: &str, name: &str, fields: &[String]) -> Notice {
    Notice {
        warning: true,
        reason: "HandEditReverted",
        note: format!(
            "{kind} {name} had been edited by hand; put back: {}",
            fields.join(", ")
        ),
    }
}

/// The API server takes notes up to 1 kB.
fn shorten(mut note: String) -> String {
    const MOST: usize = 1000;
    if note.len() > MOST {
        let end = note.floor_char_boundary(MOST);
        note.truncate(end);
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn long_notes_are_cut_between_characters() {
        let note = shorten("ä".repeat(900));
        assert!(note.len() <= 1024 && note.ends_with('…'));
        assert_eq!(shorten("short".into()), "short");
    }
}

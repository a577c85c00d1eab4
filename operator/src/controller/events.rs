//! Events about objects, for people.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{self, EventType, Recorder, Reporter};
use kube::{Client, Resource, ResourceExt};

use super::apply::Change;
use super::conditions::{Finding, Truth};
use crate::field_manager;
use crate::metrics::Metrics;

/// Publishes Events; shared by all controllers, so that repeats are counted in one Event.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
    metrics: Metrics,
}

/// Something to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether somebody should look.
    pub warning: bool,
    /// Why, in CamelCase.
    pub reason: &'static str,
    /// In words.
    pub note: String,
}

impl Events {
    /// Publishes as the process `identity`.
    pub fn new(client: Client, identity: &str, metrics: Metrics) -> Self {
        let reporter = Reporter {
            controller: field_manager::NAME.into(),
            instance: Some(identity.into()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
            metrics,
        }
    }

    /// Publishes `event` about `about`. One that cannot be written is logged: nothing depends on
    /// it.
    pub async fn publish(
        &self,
        about: &ObjectReference,
        related: Option<ObjectReference>,
        event: Event,
    ) {
        let event = events::Event {
            type_: if event.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: event.reason.into(),
            note: Some(shorten(event.note)),
            action: "Reconcile".into(),
            secondary: related,
        };
        if let Err(error) = self.recorder.publish(&event, about).await {
            tracing::warn!(%error, reason = event.reason, "cannot publish an event");
        }
    }

    /// Publishes that a spec is refused, when it is.
    pub async fn refused(&self, about: &ObjectReference, accepted: &Finding) {
        if accepted.truth == Truth::False {
            let event = Event::warning(accepted.reason, accepted.message.clone());
            self.publish(about, None, event).await;
        }
    }

    /// Counts what an apply did to `object` and publishes it about `about`.
    pub async fn applied<K>(&self, about: &ObjectReference, object: &K, change: &Change)
    where
        K: Resource<DynamicType = ()>,
    {
        let (kind, name) = (K::kind(&()), object.name_any());
        let (label, event) = match change {
            Change::Unchanged => return,
            Change::Created => (
                "created",
                Event::normal("Created", format!("made {kind} {name}")),
            ),
            Change::Updated => (
                "updated",
                Event::normal("Updated", format!("changed {kind} {name}")),
            ),
            Change::Reverted(fields) => ("reverted", reverted(&kind, &name, fields)),
        };
        tracing::info!(%kind, name, change = label, "{}", event.note);
        self.metrics.wrote(&kind, label);
        self.publish(about, Some(object.object_ref(&())), event)
            .await;
    }
}

impl Event {
    /// Something that is as it should be.
    pub fn normal(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            note: note.into(),
        }
    }

    /// Something that a person should look at.
    pub fn warning(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            note: note.into(),
        }
    }
}

fn reverted(kind: &str, name: &str, fields: &[String]) -> Event {
    let fields = fields.join(", ");
    Event::warning(
        "HandEditReverted",
        format!("{kind} {name} had been edited by hand; put back: {fields}"),
    )
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

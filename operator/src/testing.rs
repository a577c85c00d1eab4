//! Objects of a cluster API in memory: what the catalog's writer relies on, resourceVersions and
//! preconditions, and nothing else. Tests against a real API server are in `tests/api_server`; here
//! requests come in an order that a real one cannot be brought to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// Objects by path.
#[derive(Clone, Default)]
pub struct Objects {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    writes: u64,
}

impl Objects {
    /// A client that sees these objects, in namespace `sky`.
    pub fn client(&self) -> Client {
        let objects = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let objects = objects.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let (status, answer) = objects.answer(&head.method, head.uri.path(), body);
                let answer = Body::from(answer.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(status).body(answer).unwrap())
            }
        });
        Client::new(service, "sky")
    }

    /// The object at `path`.
    pub fn get(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    /// Writes an object as somebody else.
    pub fn put(&self, path: &str, object: Value) {
        self.state.lock().unwrap().store(path, object);
    }

    fn answer(&self, method: &Method, path: &str, body: Value) -> (StatusCode, Value) {
        let mut state = self.state.lock().unwrap();
        let held = state.objects.get(path).cloned();
        match (method.as_str(), held) {
            ("GET", Some(held)) => (StatusCode::OK, held),
            ("GET", None) if path.rsplit('/').nth(1) == Some("sky") => {
                let inside = format!("{path}/");
                let items = state
                    .objects
                    .iter()
                    .filter(|(path, _)| path.starts_with(&inside));
                let items: Vec<&Value> = items.map(|(_, object)| object).collect();
                let list =
                    json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items});
                (StatusCode::OK, list)
            }
            ("POST", _) => {
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                if state.objects.contains_key(&path) {
                    return refusal(StatusCode::CONFLICT, "AlreadyExists");
                }
                (StatusCode::CREATED, state.store(&path, body))
            }
            ("PUT", Some(held)) if body["metadata"]["resourceVersion"] == version(&held) => {
                (StatusCode::OK, state.store(path, body))
            }
            ("DELETE", Some(held)) => {
                let wanted = &body["preconditions"]["resourceVersion"];
                if !wanted.is_null() && *wanted != version(&held) {
                    return refusal(StatusCode::CONFLICT, "Conflict");
                }
                state.objects.remove(path);
                (StatusCode::OK, held)
            }
            ("PUT", Some(_)) => refusal(StatusCode::CONFLICT, "Conflict"),
            _ => refusal(StatusCode::NOT_FOUND, "NotFound"),
        }
    }
}

impl State {
    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.writes += 1;
        object["metadata"]["resourceVersion"] = self.writes.to_string().into();
        object["metadata"]["namespace"] = "sky".into();
        self.objects.insert(path.to_owned(), object.clone());
        object
    }
}

fn version(object: &Value) -> Value {
    object["metadata"]["resourceVersion"].clone()
}

fn refusal(status: StatusCode, reason: &str) -> (StatusCode, Value) {
    let code = status.as_u16();
    let body = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": reason,
        "reason": reason, "code": code});
    (status, body)
}

//! `WorkerPool`, `Worker` and `ChunkFamily`.

use serde_json::json;

use crate::case::{Case, Kind};

pub fn pools() -> Vec<Case> {
    let mut pool = Kind::new("WorkerPool", json!({"workers": 4, "storage": "10Ti"}));
    pool.accepts(
        "a longest name",
        json!({"metadata": {"name": "p".repeat(40)}}),
    );
    pool.accepts("timers", json!({"spec": {"repair": {"suspectAfterSeconds": 3, "confirmAfterSeconds": 3, "repairAfterSeconds": 0}}}));
    let name = "<nil>: a pool's name has at most 40 characters, small letters, digits and -, and begins with a letter: names of Services are made from it";
    pool.refuses(
        "a long name",
        json!({"metadata": {"name": "p".repeat(41)}}),
        &[name],
    );
    pool.refuses(
        "a dot in the name",
        json!({"metadata": {"name": "a.b"}}),
        &[name],
    );
    pool.refuses(
        "a digit first",
        json!({"metadata": {"name": "1a"}}),
        &[name],
    );
    pool.refuses(
        "no workers",
        json!({"spec": {"workers": 0}}),
        &["spec.workers: Invalid value: 0: spec.workers in body should be greater than or equal to 1"],
    );
    pool.refuses(
        "too many workers",
        json!({"spec": {"workers": 1001}}),
        &["spec.workers: Invalid value: 1001: spec.workers in body should be less than or equal to 1000"],
    );
    pool.refuses(
        "workers missing",
        json!({"spec": {"workers": null}}),
        &["spec.workers: Required value"],
    );
    let storage = "spec: storage is a size, for example 10Ti";
    pool.refuses("no size", json!({"spec": {"storage": "much"}}), &[storage]);
    pool.refuses(
        "an empty size",
        json!({"spec": {"storage": "0"}}),
        &[storage],
    );
    pool.refuses(
        "suspicion after the confirmation",
        json!({"spec": {"repair": {"suspectAfterSeconds": 61}}}),
        &["spec: repair.suspectAfterSeconds is at most repair.confirmAfterSeconds"],
    );
    pool.refuses(
        "a share of more than all",
        json!({"spec": {"repair": {"stormGuardPercent": 101}}}),
        &["spec.repair.stormGuardPercent: Invalid value: 101: spec.repair.stormGuardPercent in body should be less than or equal to 100"],
    );
    pool.refuses(
        "a setting of another type",
        json!({"spec": {"settings": {"max_connections": 100}}}),
        &["spec.settings.max_connections: Invalid value: \"integer\": spec.settings.max_connections in body must be of type string: \"integer\""],
    );
    pool.accepts_change("more workers", json!({}), json!({"spec": {"workers": 5}}));
    pool.done()
}

pub fn rebalances() -> Vec<Case> {
    let mut rebalance = Kind::new("Rebalance", json!({}));
    rebalance.accepts(
        "an approval",
        json!({"spec": {"autoApprove": false, "approve": "0123456789ab"}}),
    );
    rebalance.refuses(
        "an approval of no plan",
        json!({"spec": {"approve": "yes"}}),
        &["spec.approve: Invalid value: \"yes\": spec.approve in body should match '^[0-9a-f]{12}$'"],
    );
    let name = "<nil>: a Rebalance has the name of its pool, which has at most 40 characters, small letters, digits and -, and begins with a letter";
    rebalance.refuses(
        "no pool's name",
        json!({"metadata": {"name": "a.b"}}),
        &[name],
    );
    rebalance.accepts_change(
        "a stop",
        json!({"phase": "Moving"}),
        json!({"spec": {"stopped": true}}),
    );
    rebalance.done()
}

pub fn workers() -> Vec<Case> {
    let mut worker = Kind::new("Worker", json!({"id": 1, "pool": "main"}));
    worker.accepts_change(
        "a drain",
        json!({"phase": "Ready"}),
        json!({"spec": {"desired": "Drained"}}),
    );
    let fixed = ["<nil>: a worker's id and pool never change"];
    worker.refuses_change("another id", json!({}), json!({"spec": {"id": 2}}), &fixed);
    worker.refuses_change(
        "another pool",
        json!({}),
        json!({"spec": {"pool": "other"}}),
        &fixed,
    );
    worker.refuses(
        "no id",
        json!({"spec": {"id": 0}}),
        &["spec.id: Invalid value: 0: spec.id in body should be greater than or equal to 1"],
    );
    worker.done()
}

fn family() -> Kind {
    Kind::new(
        "ChunkFamily",
        json!({"pool": "main", "scheme": {"kind": "sphere", "stripes": 85, "subStripes": 12, "overlap": 0.01667}}),
    )
}

pub fn families() -> Vec<Case> {
    let mut family = family();
    family.accepts("a hash family", json!({"spec": {"scheme": {"kind": "hash", "chunks": 64, "stripes": null, "subStripes": null, "overlap": null}}}));
    family.accepts(
        "one copy",
        json!({"spec": {"replicas": {"desired": 1, "minimum": 1}}}),
    );
    let name = "<nil>: a family's name has at most 57 characters and does not end in -index, which is for director indexes";
    family.refuses(
        "a long name",
        json!({"metadata": {"name": "f".repeat(58)}}),
        &[name],
    );
    family.refuses(
        "the name of an index family",
        json!({"metadata": {"name": "sky-index"}}),
        &[name],
    );
    family.refuses(
        "more copies needed than wanted",
        json!({"spec": {"replicas": {"desired": 2, "minimum": 3}}}),
        &["spec.replicas: replicas.minimum is at most replicas.desired"],
    );
    family.refuses(
        "fewer copies wanted than needed by default",
        json!({"spec": {"replicas": {"desired": 1}}}),
        &["spec.replicas: replicas.minimum is at most replicas.desired"],
    );
    family.refuses(
        "an unknown scheme",
        json!({"spec": {"scheme": {"kind": "cube"}}}),
        &["spec.scheme.kind: Unsupported value: \"cube\": supported values: \"sphere\", \"hash\""],
    );
    let sphere = ["spec.scheme: a sphere has stripes and subStripes, and no chunks"];
    family.refuses(
        "a sphere without sub-stripes",
        json!({"spec": {"scheme": {"subStripes": null}}}),
        &sphere,
    );
    family.refuses(
        "a sphere with chunks",
        json!({"spec": {"scheme": {"chunks": 3}}}),
        &sphere,
    );
    let hash = ["spec.scheme: a hash scheme has chunks, and no stripes, subStripes or overlap"];
    family.refuses(
        "a hash scheme with stripes",
        json!({"spec": {"scheme": {"kind": "hash", "chunks": 64}}}),
        &hash,
    );
    family.refuses(
        "too fine a grid",
        json!({"spec": {"scheme": {"stripes": 1000, "subStripes": 649, "overlap": 0.0}}}),
        &["spec.scheme: stripes × subStripes is at most 648000"],
    );
    family.refuses(
        "an overlap wider than a sub-stripe",
        json!({"spec": {"scheme": {"overlap": 0.1765}}}),
        &["spec.scheme: the overlap is at most the height of a sub-stripe, 180 / (stripes × subStripes) degrees"],
    );
    family.done()
}

pub fn family_changes() -> Vec<Case> {
    let mut family = family();
    family.refuses_change(
        "another scheme",
        json!({}),
        json!({"spec": {"scheme": {"stripes": 86}}}),
        &["<nil>: a family's scheme never changes: make a new family and ingest into it"],
    );
    family.refuses_change(
        "another number of index chunks",
        json!({}),
        json!({"spec": {"indexChunks": 17}}),
        &["<nil>: a family's indexChunks never changes: it says in which chunk a key is looked up"],
    );
    family.refuses_change(
        "another pool",
        json!({}),
        json!({"spec": {"pool": "other"}}),
        &["<nil>: a family's pool never changes"],
    );
    family.accepts_change(
        "more copies",
        json!({"chunks": {"total": 3, "ready": 3, "underReplicated": 0, "unreadable": 0}}),
        json!({"spec": {"replicas": {"desired": 4}}}),
    );
    family.done()
}

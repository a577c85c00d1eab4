//! `ChunkMap`, `ChunkPlacement` and `ChunkSegment`.

use serde_json::json;

use crate::case::{Case, Kind};

pub fn maps() -> Vec<Case> {
    let mut map = Kind::new("ChunkMap", json!({"holds": "tables", "payload": "x"}));
    let root = json!({
        "metadata": {"name": "root"},
        "spec": {"payload": null, "root": {
            "archiveUid": "u", "lineage": 0, "term": 1, "dataEpoch": 1, "placementEpoch": 1, "counters": {}, "pages": [],
        }},
    });
    map.accepts("a root", root);
    map.refuses(
        "a root that is a page",
        json!({"metadata": {"name": "root"}}),
        &["<nil>: the ChunkMap named root carries the root"],
    );
    map.refuses(
        "a page of nothing",
        json!({"spec": {"payload": null}}),
        &["<nil>: a catalog page carries its payload"],
    );
    map.refuses(
        "a page above the limit",
        json!({"spec": {"payload": "x".repeat(10_001)}}),
        &["spec.payload: Too long: may not be more than 10000 bytes"],
    );
    map.refuses_change(
        "another payload",
        json!({}),
        json!({"spec": {"payload": "y"}}),
        &["<nil>: catalog pages never change"],
    );
    map.done()
}

pub fn pages() -> Vec<Case> {
    ["ChunkPlacement", "ChunkSegment"]
        .into_iter()
        .flat_map(|kind| {
            let mut page = Kind::new(kind, json!({"holds": "a page", "payload": "x"}));
            page.refuses(
                "a page of nothing",
                json!({"spec": {"payload": null}}),
                &["spec.payload: Required value"],
            );
            page.refuses_change(
                "another payload",
                json!({}),
                json!({"spec": {"payload": "y"}}),
                &["<nil>: catalog pages never change"],
            );
            page.done()
        })
        .collect()
}

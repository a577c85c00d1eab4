//! Rules of the tree (docs/design/catalog.md#the-tree): bounded objects, content addresses,
//! complete or not at all.

use std::collections::BTreeMap;

use super::*;
use crate::names::ChunkId;
use crate::replicas::FamilyReplicas;
use serde_json::Value;

use crate::signing::{Purpose, SigningKey, TrustedKeys};
use crate::table::OnDeletion;

fn family(chunks: impl IntoIterator<Item = ChunkId>) -> Family {
    Family {
        placement: chunks
            .into_iter()
            .map(|chunk| {
                (
                    chunk,
                    vec![
                        chunk % 300 + 1,
                        (chunk + 7) % 300 + 1,
                        (chunk + 100) % 300 + 1,
                    ],
                )
            })
            .collect(),
        behind: vec![Behind {
            worker: 3,
            segment: 1,
            chunks: [5, 6].into(),
        }],
        intended: BTreeMap::from([(5, [9, 4].into()), (8, [4].into())]),
        leaving: BTreeMap::from([(5, [6].into())]),
        attempts: BTreeMap::from([(12, open([5, 900])), (13, open([7]))]),
        ..Family::new(
            1,
            "pool",
            FamilyReplicas::default(),
            FamilyGrid::Sphere {
                stripes: 85,
                sub_stripes: 12,
                overlap: 0.01667,
                index_chunks: 16,
            },
        )
    }
}

fn open(chunks: impl Into<ChunkSet>) -> OpenAttempt {
    OpenAttempt {
        ingest: "11111111-2222-3333-4444-555555555555".into(),
        chunks: chunks.into(),
    }
}

fn reference(segments: Vec<Segment>) -> Table {
    let kind = TableKind::Reference(AcceptedReference {
        columns: Vec::new(),
        primary_key: Vec::new(),
        indexes: Vec::new(),
        charset: "utf8mb4".into(),
        collation: "utf8mb4_general_ci".into(),
    });
    Table {
        incarnation: 2,
        object: "db-table".into(),
        schema_version: 1,
        kind,
        segments,
        revoked: vec![Segment {
            revoked: Some(10_000),
            ..segment(9_999, [1].into())
        }],
        on_deletion: OnDeletion::Delete { grace_seconds: 60 },
    }
}

fn retired() -> Retired {
    Retired {
        key: TableKey::new("db", "gone"),
        table: reference(vec![segment(8_888, [1, 2].into())]),
        since: 5,
        until: Some(1_800_000_000),
        director: None,
    }
}

fn segment(id: u64, home: ChunkSet) -> Segment {
    Segment {
        id,
        attempt: id + 10,
        schema_version: 1,
        overlap: home.clone(),
        home,
        rows: 5,
        bytes: 6,
        ingest: "i".into(),
        origin: Some(Origin {
            uid: "11111111-2222-3333-4444-555555555555".into(),
            spec: "0123456789abcdef".into(),
        }),
        published: 3,
        revoked: None,
    }
}

fn catalog() -> Catalog {
    let chunks: ChunkSet = (0..31_000).filter(|chunk| chunk % 3 != 0).collect();
    Catalog {
        archive_uid: "uid".into(),
        term: 4,
        epochs: Epochs {
            data: 7,
            placement: 9,
        },
        families: BTreeMap::from([("f".to_owned(), family(chunks.iter().copied()))]),
        tables: (0..40)
            .map(|i| {
                (
                    TableKey::new("db", format!("t{i}")),
                    reference(
                        (1..=300)
                            .map(|id| {
                                segment(
                                    id * 100 + i,
                                    if id < 3 {
                                        chunks.clone()
                                    } else {
                                        (1..9).collect()
                                    },
                                )
                            })
                            .collect(),
                    ),
                )
            })
            .take(3)
            .collect(),
        retired: BTreeMap::from([(2, retired())]),
        dropping: BTreeMap::from([("db__1".to_owned(), 6)]),
        ..Catalog::default()
    }
}

#[test]
fn a_catalog_reads_back_and_no_object_is_above_10_kb() {
    let catalog = catalog();
    let Encoded { root, objects } = encode(&catalog);
    assert!(serde_json::to_string(&root).unwrap().len() < 4096);
    assert!(objects.values().all(|payload| payload.len() < 10_000));
    assert_eq!(decode(&root, &objects).unwrap(), catalog);
    assert_eq!(
        reachable(&root, &objects).unwrap(),
        objects.keys().cloned().collect()
    );
}

/// The zone of a hundred workers is away for a hundred publishes into all chunks.
#[test]
fn workers_that_lack_many_segments_keep_the_catalog_writable_and_small() {
    let chunks_of = |worker: u32| -> ChunkSet {
        let own = (0..200).map(|chunk| chunk * 97 + worker);
        own.collect()
    };
    let lacking = |chunks: &dyn Fn(u32, u64) -> ChunkSet| {
        let pairs = (1..=100).flat_map(|worker| (1..=100).map(move |segment| (worker, segment)));
        let behind = pairs.map(|(worker, segment)| Behind {
            worker,
            segment,
            chunks: chunks(worker, segment),
        });
        let mut catalog = catalog();
        catalog.families.get_mut("f").unwrap().behind = behind.collect();
        let Encoded { root, objects } = encode(&catalog);
        assert!(objects.values().all(|payload| payload.len() < 10_000));
        assert_eq!(decode(&root, &objects).unwrap(), catalog);
        let reachable = reachable(&root, &objects).unwrap();
        assert_eq!(reachable, objects.keys().cloned().collect());
        objects.values().map(String::len).sum::<usize>()
    };
    let without = encode(&catalog())
        .objects
        .values()
        .map(String::len)
        .sum::<usize>();
    let same = lacking(&|worker, _| chunks_of(worker));
    assert!(
        same < without + 200_000,
        "{same} bytes with, {without} without"
    );
    // Ingests into other chunks each: what is lacking is long, and can be written all the same.
    lacking(&|worker, segment| {
        let mut chunks = chunks_of(worker);
        chunks.insert(30_000 + u32::try_from(segment).unwrap());
        chunks
    });
}

/// A catalog of an earlier version has an entry per worker and segment.
#[test]
fn what_workers_lack_is_read_from_earlier_catalogs() {
    let Encoded { root, mut objects } = encode(&catalog());
    let is_list = |payload: &String| payload.starts_with("{\"pages\":");
    let (name, list) = objects
        .iter()
        .find(|(_, payload)| is_list(payload))
        .map(|(name, payload)| (name.clone(), payload.clone()))
        .unwrap();
    let former = list.replace("\"lacking\":[[3,[1],", "\"behind\":[[3,1,");
    assert_ne!(former, list);
    let page = objects
        .iter()
        .find(|(_, page)| page.contains(name.as_str()));
    let (page_name, page) = page
        .map(|(name, page)| (name.clone(), page.clone()))
        .unwrap();
    let former_name = ObjectName::of(ObjectKind::Map, &former);
    let page = page.replace(name.as_str(), former_name.as_str());
    let root = RootPayload {
        pages: root
            .pages
            .iter()
            .map(|held| {
                if held == page_name.as_str() {
                    ObjectName::of(ObjectKind::Map, &page).as_str().to_owned()
                } else {
                    held.clone()
                }
            })
            .collect(),
        ..root
    };
    objects.insert(ObjectName::of(ObjectKind::Map, &page), page);
    objects.insert(former_name, former);
    assert_eq!(decode(&root, &objects).unwrap(), catalog());
}

#[test]
fn any_missing_or_changed_object_means_no_catalog() {
    let Encoded { root, objects } = encode(&catalog());
    for name in objects.keys().step_by(97) {
        let mut without = objects.clone();
        without.remove(name);
        assert_eq!(
            decode(&root, &without),
            Err(ObjectError::Missing(name.clone()))
        );
        let mut changed = objects.clone();
        changed.insert(name.clone(), "{}".into());
        assert_eq!(
            decode(&root, &changed),
            Err(ObjectError::Mismatch(name.clone()))
        );
    }
}

#[test]
fn moving_one_chunk_writes_four_objects() {
    let before = catalog();
    let mut after = before.clone();
    after
        .families
        .get_mut("f")
        .unwrap()
        .placement
        .insert(601, vec![1, 2, 3]);
    let (before, after) = (encode(&before).objects, encode(&after).objects);
    let new = after
        .keys()
        .filter(|name| !before.contains_key(name))
        .count();
    assert!(
        new <= 4,
        "placement page, page list (maybe in parts), index page: {new}"
    );
}

/// A copy with another text as its root.
fn with_root(copy: &SignedCatalog, change: &dyn Fn(&mut Value)) -> SignedCatalog {
    let mut written = serde_json::to_value(copy).unwrap();
    let mut root: Value = serde_json::from_str(written["root"].as_str().unwrap()).unwrap();
    change(&mut root);
    written["root"] = root.to_string().into();
    serde_json::from_value(written).unwrap()
}

#[test]
fn what_a_newer_version_says_in_the_root_is_signed_too() {
    let key = SigningKey::generate().unwrap();
    let trusted = TrustedKeys::new(vec![key.public()]).unwrap();
    let copy = SignedCatalog::sign(&catalog(), &key);
    let mut newer = with_root(&copy, &|root| root["zones"] = 3.into());
    assert_eq!(newer.verify(&trusted), Err(SignatureError::Signature));
    let written = serde_json::to_value(&newer).unwrap();
    let text = written["root"].as_str().unwrap();
    newer.signature = key.sign(Purpose::CatalogCopy, text.as_bytes());
    assert_eq!(newer.verify(&trusted).unwrap(), catalog());
}

#[test]
fn a_signed_copy_verifies_only_unchanged_and_with_a_trusted_key() {
    let [key, next, other] = [(); 3].map(|()| SigningKey::generate().unwrap());
    let trusted = |keys: &[&SigningKey]| {
        TrustedKeys::new(keys.iter().map(|key| key.public()).collect()).unwrap()
    };
    let signed = SignedCatalog::sign(&catalog(), &key);
    assert_eq!(signed.verify(&trusted(&[&next, &key])).unwrap(), catalog());
    assert_eq!(
        signed.verify(&trusted(&[&next, &other])),
        Err(SignatureError::Signature)
    );
    let forged = with_root(&signed, &|root| root["dataEpoch"] = 77.into());
    assert_eq!(forged.root().data_epoch, 77);
    assert_eq!(
        forged.verify(&trusted(&[&key])),
        Err(SignatureError::Signature)
    );
    let mut forged = signed;
    forged.objects.clear();
    assert!(matches!(
        forged.verify(&trusted(&[&key])),
        Err(SignatureError::Object(_))
    ));
}

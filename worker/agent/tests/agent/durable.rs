//! The agent's own files survive a power cut.

use orrery_agent::catalog::CatalogStore;
use orrery_agent::state::identity::IdentityFile;
use orrery_agent::state::term::TermStore;
use orrery_archive::catalog::{Catalog, SignedCatalog};
use orrery_archive::signing::{SigningKey, TrustedKeys};
use orrery_durable::trace::Run;
use orrery_worker_api::agent::Identity;

/// Each of the agent's own files (docs/design/security.md#own-files).
#[test]
fn term_identity_and_catalog_copy_survive_a_power_cut() {
    let name = "durable::term_identity_and_catalog_copy_survive_a_power_cut";
    match orrery_durable::trace::followed(name) {
        Run::Write(folder) => {
            let terms = TermStore::open(&folder).unwrap();
            terms.admit(7).unwrap();
            terms.admit(8).unwrap();
            let identity = Identity {
                archive_uid: "a".into(),
                worker: 1,
                directory: "d".into(),
            };
            IdentityFile::new(&folder).write(&identity).unwrap();
            let key = SigningKey::generate().unwrap();
            let keys = folder.join("keys");
            let trusted = TrustedKeys::new(vec![key.public()]).unwrap();
            std::fs::write(&keys, trusted.to_string()).unwrap();
            let copy = SignedCatalog::sign(
                &Catalog {
                    archive_uid: "a".into(),
                    ..Catalog::default()
                },
                &key,
            );
            let store = CatalogStore::open(&folder, &keys).unwrap();
            store
                .put(serde_json::to_vec(&copy).unwrap().into(), "a")
                .unwrap();
        }
        Run::Check(calls, folder) => {
            let own = std::fs::read_dir(folder.path()).unwrap();
            let own: Vec<_> = own
                .map(|entry| entry.unwrap().path())
                .filter(|path| !path.ends_with("keys"))
                .collect();
            assert_eq!(own.len(), 3, "term, identity, catalog copy: {own:?}");
            for path in own {
                calls.assert_replaced_durably(&path);
            }
        }
    }
}

//! Who may call, with which term, and on whose data directory.

use mysql_async::prelude::Queryable;
use orrery_agent::testing::{
    ARCHIVE_UID, Archive, CATALOG_KEY, Mysqld, READER_PASSWORD, TERM, Worker, default_config,
};
use orrery_archive::catalog::{Catalog, Epochs, SignedCatalog};
use orrery_archive::names::Role;
use orrery_worker_api::agent::RowState;
use orrery_worker_api::agent::{Adopt, Info, ManifestPage, SetState, Term};
use reqwest::StatusCode;

use super::support::{answer, attempt, framed, part, reason, setup, with_archive};

#[tokio::test]
async fn calls_without_a_certificate_of_the_archive_are_refused() {
    let (archive, other) = (Archive::new(), Archive::new());
    let worker = Worker::start(&archive, 1).await;
    for client in [archive.client_from(None), other.client(Role::Operator)] {
        assert!(client.get(worker.url("/v1/info")).send().await.is_err());
    }
    let stranger = tempfile::tempdir().unwrap();
    archive.issue(stranger.path(), "somebody");
    let request = archive
        .client_from(Some(stranger.path()))
        .get(worker.url("/v1/info"));
    assert_eq!(reason(answer::<Info>(request).await), "Forbidden");
}

#[tokio::test]
async fn every_endpoint_serves_its_roles_alone() {
    let archive = Archive::new();
    let worker = Worker::start(&archive, 1).await;
    let endpoints = [
        ("GET", "/v1/info", &[Role::Operator][..]),
        ("POST", "/v1/adopt", &[Role::Operator]),
        ("GET", "/v1/manifest", &[Role::Operator]),
        ("GET", "/v1/unknown", &[Role::Operator]),
        ("POST", "/v1/attempts", &[Role::Operator]),
        ("POST", "/v1/attempts/1/load", &[Role::Loader]),
        ("GET", "/v1/attempts/1/ledger", &[Role::Loader, Role::Operator]),
        ("PUT", "/v1/attempts/1/files", &[Role::Loader]),
        ("GET", "/v1/attempts/1/files", &[Role::Loader, Role::Operator]),
        ("PUT", "/v1/attempts/1/rejects", &[Role::Loader, Role::Operator]),
        ("GET", "/v1/attempts/1/rejects", &[Role::Loader, Role::Operator]),
        ("POST", "/v1/attempts/1/seal", &[Role::Operator]),
        ("POST", "/v1/attempts/1/discard", &[Role::Operator]),
        ("POST", "/v1/manifest/state", &[Role::Operator]),
        ("POST", "/v1/drop", &[Role::Operator]),
        ("POST", "/v1/copies", &[Role::Operator]),
        ("GET", "/v1/copies/x", &[Role::Operator]),
        ("GET", "/v1/tables/d/t/export", &[Role::Agent]),
        ("POST", "/v1/index/lookup", &[Role::Loader]),
        ("PUT", "/v1/catalog", &[Role::Operator]),
        ("GET", "/v1/catalog", &[Role::Operator, Role::Czar, Role::Proxy]),
    ];
    for role in [Role::Operator, Role::Agent, Role::Loader, Role::Czar, Role::Proxy] {
        let client = archive.client(role);
        for (method, path, roles) in endpoints {
            let request = client
                .request(method.parse().unwrap(), worker.url(path))
                .body("not what is asked for");
            let forbidden = request.send().await.unwrap().status() == StatusCode::FORBIDDEN;
            assert_eq!(forbidden, !roles.contains(&role), "{role:?} {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_lower_term_is_refused_by_every_call_that_changes_something() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let high = Term { term: TERM + 5 };
    answer::<()>(setup.post("/v1/attempts/9/discard", &high))
        .await
        .unwrap();
    let low = serde_json::json!({
        "term": TERM, "archiveUid": ARCHIVE_UID, "worker": 1, "readerPassword": "x", "epochs": {"data": 1, "placement": 1},
        "segments": [], "state": "published", "placementEpoch": 1, "tables": [], "id": "c", "source": "https://127.0.0.1:1",
        "rows": [], "creates": [],
    });
    let mut open = serde_json::to_value(attempt(1)).unwrap();
    open["term"] = TERM.into();
    let calls = [
        ("/v1/adopt", &low),
        ("/v1/attempts", &open),
        ("/v1/attempts/1/seal", &low),
        ("/v1/attempts/1/discard", &low),
        ("/v1/manifest/state", &low),
        ("/v1/drop", &low),
        ("/v1/copies", &low),
    ];
    for (path, body) in calls {
        let (status, reason, _) = answer::<()>(setup.post(path, body)).await.unwrap_err();
        assert_eq!((status.as_u16(), reason.as_str()), (412, "TermTooLow"), "{path}");
    }
    let info: Info = answer(setup.operator.get(setup.worker.url("/v1/info")))
        .await
        .unwrap();
    assert_eq!(info.term, TERM + 5);
}

fn adopt(worker: u32) -> Adopt {
    Adopt {
        term: TERM,
        archive_uid: ARCHIVE_UID.into(),
        worker,
        reader_password: READER_PASSWORD.into(),
    }
}

#[tokio::test]
async fn nothing_is_done_before_adoption_and_another_workers_directory_is_not_adopted() {
    let archive = Archive::new();
    let mysqld = Mysqld::start();
    let config = default_config(&archive, &mysqld);
    let setup = with_archive(&archive, Worker::start_with(mysqld, config).await);
    setup.worker.ready().await;
    assert_eq!(reason(setup.open(&attempt(1)).await), "NotAdopted");
    assert_eq!(reason(setup.load(1, &part(0), "").await), "NotAdopted");
    let adopted: Info = answer(setup.post("/v1/adopt", &adopt(1))).await.unwrap();
    assert_eq!(adopted.identity.as_ref().unwrap().worker, 1);
    assert!(adopted.mysqld.unwrap().starts_with("10.11"));
    let again: Info = answer(setup.post("/v1/adopt", &adopt(1))).await.unwrap();
    assert_eq!(again.identity, adopted.identity);
    assert_eq!(
        reason(answer::<Info>(setup.post("/v1/adopt", &adopt(2))).await),
        "WrongIdentity"
    );
    setup.open(&attempt(1)).await.unwrap();
}

#[tokio::test]
async fn an_unknown_identity_is_never_trusted() {
    let archive = Archive::new();
    let worker = Worker::start(&archive, 1).await;
    let config = worker.agent.config.clone();
    let mysqld = worker.stop_agent().await;
    std::fs::write(
        config.state_dir.join("orrery-identity.json"),
        format!(r#"{{"archiveUid":"{ARCHIVE_UID}","worker":1,"directory":"another"}}"#),
    )
    .unwrap();
    let setup = with_archive(&archive, Worker::start_with(mysqld, config).await);
    setup.worker.ready().await;
    assert_eq!(reason(setup.open(&attempt(1)).await), "WrongIdentity");
    assert_eq!(
        reason(answer::<Info>(setup.post("/v1/adopt", &adopt(1))).await),
        "WrongIdentity"
    );
    let ready = reqwest::get(setup.worker.admin_url("/readyz")).await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn readers_see_published_tables_but_neither_staging_nor_control() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.open(&attempt(2)).await.unwrap();
    setup.seal(1).await.unwrap();
    let opts = mysql_async::OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(setup.worker.mysqld.port())
        .prefer_socket(false)
        .user(Some("orrery_reader"))
        .pass(Some(READER_PASSWORD));
    let mut reader = mysql_async::Conn::new(opts).await.unwrap();
    let count: Option<u64> = reader
        .query_first("SELECT COUNT(*) FROM sky__7.Object_1__1")
        .await
        .unwrap();
    assert_eq!(count, Some(0));
    for hidden in [
        "SELECT * FROM orrery_control.manifest",
        "SELECT * FROM orrery_staging__2.Object_1__2",
        "DELETE FROM sky__7.Object_1__1",
        "SELECT * FROM mysql.user",
    ] {
        assert!(reader.query_drop(hidden).await.is_err(), "{hidden}");
    }
}

#[tokio::test]
async fn the_signed_catalog_copy_never_goes_back() {
    let archive = Archive::new();
    let setup = with_archive(&archive, Worker::start(&archive, 1).await);
    let url = setup.worker.url("/v1/catalog");
    let copy = |data| {
        let epochs = Epochs { data, placement: 1 };
        let catalog = Catalog {
            archive_uid: ARCHIVE_UID.into(),
            epochs,
            ..Catalog::default()
        };
        SignedCatalog::sign(&catalog, CATALOG_KEY)
    };
    let czar = archive.client(Role::Czar);
    assert_eq!(reason(answer::<SignedCatalog>(czar.get(&url)).await), "NotFound");
    answer::<()>(setup.operator.put(&url).json(&copy(5)))
        .await
        .unwrap();
    assert_eq!(
        reason(answer::<()>(setup.operator.put(&url).json(&copy(4))).await),
        "EpochTooLow"
    );
    assert_eq!(answer::<SignedCatalog>(czar.get(&url)).await.unwrap(), copy(5));
}

#[tokio::test]
async fn bad_requests_get_an_answer_that_says_why() {
    let setup = setup().await;
    let mut bad = attempt(1);
    bad.database = "../etc".into();
    assert_eq!(reason(setup.open(&bad).await), "BadRequest");
    let mut bad = attempt(1);
    bad.create_home = bad.create_home.replace("InnoDB", "Aria");
    let (_, reason_, message) = setup.open(&bad).await.unwrap_err();
    assert_eq!(reason_, "BadRequest");
    assert!(message.contains("is not an InnoDB table"), "{message}");
    let deleted = SetState {
        term: TERM,
        epochs: Epochs::default(),
        segments: vec![],
        state: RowState::Deleted,
    };
    assert_eq!(
        reason(answer::<()>(setup.post("/v1/manifest/state", &deleted)).await),
        "BadRequest"
    );
    let load = setup
        .loader
        .post(setup.worker.url("/v1/attempts/1/load?part=home"))
        .body(framed(""));
    assert_eq!(reason(answer::<()>(load).await), "BadRequest");
    let page = setup
        .operator
        .get(setup.worker.url("/v1/manifest?after=nonsense"));
    assert_eq!(reason(answer::<ManifestPage>(page).await), "BadRequest");
    let nowhere = setup.operator.get(setup.worker.url("/v2/info"));
    assert_eq!(reason(answer::<()>(nowhere).await), "NotFound");
}

#[tokio::test]
async fn certificates_are_read_again_when_they_are_renewed() {
    let (archive, renewed) = (Archive::new(), Archive::new());
    let worker = Worker::start(&archive, 1).await;
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        std::fs::copy(
            renewed.tls_dir(Role::Agent).join(file),
            archive.tls_dir(Role::Agent).join(file),
        )
        .unwrap();
    }
    assert!(
        archive
            .client(Role::Operator)
            .get(worker.url("/v1/info"))
            .send()
            .await
            .is_err()
    );
    assert!(
        renewed
            .client(Role::Operator)
            .get(worker.url("/v1/info"))
            .send()
            .await
            .is_ok()
    );
}

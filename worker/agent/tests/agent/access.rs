//! Who may call, with which term, and on whose data directory.

use mysql_async::prelude::Queryable;
use orrery_archive::catalog::{Catalog, Epochs, SignedCatalog};
use orrery_archive::names::Role;
use orrery_archive::signing::SigningKey;
use orrery_kit_worker::{
    ARCHIVE_UID, Archive, Mysqld, READER_PASSWORD, TERM, TIMEOUTS, Worker, default_config,
};
use orrery_worker_api::ApiError;
use orrery_worker_api::agent::{
    Adopt, Drop, KnownCatalog, PageQuery, RowState, SetState, StartCopy,
};
use orrery_worker_api::client::Agents;
use orrery_worker_api::routes::{AgentCall, Call, Parameter, WORKER_HEADER};
use reqwest::StatusCode;
use serde_json::Value;

use super::drops::catalog_giving;
use super::support::{attempt, framed, part, reason, refusal, setup, with_archive};
use super::trials::trial;

#[tokio::test]
async fn calls_without_a_certificate_of_the_archive_are_refused() {
    let (archive, other) = (Archive::new(), Archive::new());
    let worker = Worker::start(&archive, 1).await;
    let url = worker.url(AgentCall::Info, &[]);
    for client in [archive.client_from(None), other.client(Role::Operator)] {
        assert!(client.get(url.clone()).send().await.is_err());
    }
    let stranger = tempfile::tempdir().unwrap();
    archive.issue(stranger.path(), "somebody");
    let agents = Agents::from_folder(stranger.path(), TIMEOUTS).unwrap();
    let answer = agents.at(&worker.base()).unwrap().info().await;
    assert_eq!(reason(answer), "Forbidden");
}

/// Whom each call is meant for, apart from the table that the agent checks.
fn meant_for(call: AgentCall) -> &'static [Role] {
    match call {
        AgentCall::Info
        | AgentCall::Adopt
        | AgentCall::Manifest
        | AgentCall::Unknown
        | AgentCall::Damaged
        | AgentCall::SetState
        | AgentCall::Drop
        | AgentCall::Trial
        | AgentCall::Open
        | AgentCall::Seal
        | AgentCall::Discard
        | AgentCall::Copy
        | AgentCall::CopyStatus
        | AgentCall::PutCatalog => &[Role::Operator],
        AgentCall::Load | AgentCall::PutFiles | AgentCall::Lookup => &[Role::Loader],
        AgentCall::Ledger | AgentCall::Files | AgentCall::PutRejects | AgentCall::Rejects => {
            &[Role::Loader, Role::Operator]
        }
        AgentCall::Export => &[Role::Agent],
        AgentCall::Catalog => &[Role::Operator, Role::Czar, Role::Proxy],
    }
}

/// Something for each parameter of a call's path.
fn parameters(call: AgentCall) -> Vec<Parameter<'static>> {
    let path = call.route().path.matches('{');
    path.map(|_| &1 as Parameter<'_>).collect()
}

#[tokio::test]
async fn every_endpoint_serves_its_roles_alone() {
    let archive = Archive::new();
    let worker = Worker::start(&archive, 1).await;
    for role in [
        Role::Operator,
        Role::Agent,
        Role::Loader,
        Role::Czar,
        Role::Proxy,
    ] {
        let client = archive.client(role);
        for call in AgentCall::ALL {
            let parameters = parameters(*call);
            let request = client
                .request(call.route().verb.method(), worker.url(*call, &parameters))
                .body("not what is asked for");
            let forbidden = request.send().await.unwrap().status() == StatusCode::FORBIDDEN;
            assert_eq!(
                forbidden,
                !meant_for(*call).contains(&role),
                "{role:?} {call:?}"
            );
        }
    }
}

/// After a power cut two workers' pods may have each other's addresses.
#[tokio::test]
async fn a_call_that_is_meant_for_another_worker_is_refused_whatever_it_is() {
    let archive = Archive::new();
    let worker = Worker::start(&archive, 1).await;
    for call in AgentCall::ALL {
        let parameters = parameters(*call);
        let client = archive.client(meant_for(*call)[0]);
        let ask = async |meant: &str| {
            let url = worker.url(*call, &parameters);
            let request = client.request(call.route().verb.method(), url);
            let request = request.header(WORKER_HEADER, meant);
            request.body("not what is asked for").send().await.unwrap()
        };
        let refused = ask("2").await;
        assert_eq!(
            refused.status(),
            StatusCode::MISDIRECTED_REQUEST,
            "{call:?}"
        );
        let error: ApiError = refused.json().await.unwrap();
        assert_eq!(error.reason, "OtherWorker", "{call:?}");
        assert!(error.message.ends_with("this is worker 1"), "{error:?}");
        assert_eq!(ask("two").await.status(), StatusCode::BAD_REQUEST);
        let own = ask("1").await.status();
        assert_ne!(own, StatusCode::MISDIRECTED_REQUEST, "{call:?}");
    }
}

#[tokio::test]
async fn a_lower_term_is_refused_by_every_call_that_changes_something() {
    let setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.operator.discard(9, TERM + 5).await.unwrap();
    let operator = &setup.operator;
    let copy = StartCopy {
        term: TERM,
        id: "c".into(),
        source: "https://127.0.0.1:1".into(),
        tables: Vec::new(),
        placement_epoch: 1,
        creates: Vec::new(),
    };
    let drop = Drop {
        term: TERM,
        placement_epoch: 1,
        tables: Vec::new(),
        databases: Vec::new(),
    };
    let refused = [
        ("adopt", refusal(operator.adopt(&adopt(1)).await)),
        ("open", refusal(operator.open(&attempt(1)).await)),
        ("seal", refusal(operator.seal(1, TERM).await)),
        ("discard", refusal(operator.discard(1, TERM).await)),
        (
            "set_state",
            refusal(operator.set_state(&state(RowState::Published)).await),
        ),
        ("drop", refusal(operator.drop(&drop).await)),
        ("copy", refusal(operator.copy(&copy).await)),
        (
            "trial",
            refusal(operator.try_tables(&trial("(a INT)")).await),
        ),
    ];
    for (call, (status, reason, _)) in refused {
        assert_eq!((status, reason.as_str()), (412, "TermTooLow"), "{call}");
    }
    assert_eq!(operator.info().await.unwrap().term, TERM + 5);
}

fn state(state: RowState) -> SetState {
    SetState {
        term: TERM,
        epochs: Epochs::default(),
        segments: Vec::new(),
        state,
    }
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
    let adopted = setup.operator.adopt(&adopt(1)).await.unwrap();
    assert_eq!(adopted.identity.as_ref().unwrap().worker, 1);
    assert!(adopted.mysqld.unwrap().starts_with("10.11"));
    let again = setup.operator.adopt(&adopt(1)).await.unwrap();
    assert_eq!(again.identity, adopted.identity);
    assert_eq!(
        reason(setup.operator.adopt(&adopt(2)).await),
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
        reason(setup.operator.adopt(&adopt(1)).await),
        "WrongIdentity"
    );
    let ready = reqwest::get(setup.worker.admin_url("/readyz"))
        .await
        .unwrap();
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
    let limit: Option<f64> = reader
        .query_first("SELECT @@max_statement_time")
        .await
        .unwrap();
    assert_eq!(limit, Some(3600.0), "what no czar waits for ends by itself");
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
    let copy = |data| {
        let epochs = Epochs { data, placement: 1 };
        let catalog = Catalog {
            archive_uid: ARCHIVE_UID.into(),
            epochs,
            ..Catalog::default()
        };
        archive.sign(&catalog)
    };
    let czar = setup.worker.api(&archive, Role::Czar);
    assert_eq!(reason(czar.catalog().await), "NotFound");
    setup.operator.put_catalog(&copy(5)).await.unwrap();
    assert_eq!(
        reason(setup.operator.put_catalog(&copy(4)).await),
        "EpochTooLow"
    );
    assert_eq!(czar.catalog().await.unwrap(), copy(5));
}

/// Hundreds of copies at once are more than a czar's memory.
#[tokio::test]
async fn a_copy_is_sent_only_to_a_reader_whose_catalog_is_older() {
    let archive = Archive::new();
    let setup = with_archive(&archive, Worker::start(&archive, 1).await);
    let copy = archive.sign(&Catalog {
        lineage: 1,
        ..catalog_giving(1, 5)
    });
    setup.operator.put_catalog(&copy).await.unwrap();
    let (data, placement) = (copy.root().data_epoch, copy.root().placement_epoch);
    let czar = setup.worker.api(&archive, Role::Czar);
    for (archive_uid, lineage, data, placement, is_sent) in [
        (ARCHIVE_UID, 1, data, placement, false),
        (ARCHIVE_UID, 1, data, placement + 1, false),
        (ARCHIVE_UID, 1, data, placement - 1, true),
        (ARCHIVE_UID, 0, data + 9, placement, true),
        ("another archive", 9, data, placement, true),
    ] {
        let known = KnownCatalog {
            archive_uid: archive_uid.into(),
            lineage,
            data,
            placement,
        };
        let sent = czar.newer_catalog(&known).await.unwrap();
        assert_eq!(sent, is_sent.then(|| copy.clone()), "{known:?}");
    }
}

/// All that czars, proxies, loaders and workers hold: their certificates, the public keys, copies
/// that the operator signed. Even with the operator's own certificate no other copy is taken.
#[tokio::test]
async fn only_the_holder_of_the_private_key_makes_a_catalog_copy() {
    let archive = Archive::new();
    let setup = with_archive(&archive, Worker::start(&archive, 1).await);
    let catalog = |placement| catalog_giving(1, placement);
    let genuine = archive.sign(&catalog(5));
    setup.operator.put_catalog(&genuine).await.unwrap();

    let own_key = SigningKey::generate().unwrap();
    let by_own_key = SignedCatalog::sign(&catalog(6), &own_key);
    let mut changed_root = serde_json::to_value(&genuine).unwrap();
    let mut root: Value = serde_json::from_str(changed_root["root"].as_str().unwrap()).unwrap();
    root["placementEpoch"] = 6.into();
    changed_root["root"] = root.to_string().into();
    let changed_root = serde_json::from_value(changed_root).unwrap();
    let mut changed_objects = archive.sign(&catalog(6));
    for object in changed_objects.objects.values_mut() {
        object.push(' ');
    }
    let mut keys_as_signature = by_own_key.clone();
    keys_as_signature.signature = std::fs::read_to_string(archive.public_keys())
        .unwrap()
        .trim()
        .repeat(2);
    let forged = [by_own_key, changed_root, changed_objects, keys_as_signature];
    for copy in &forged {
        let refused = setup.operator.put_catalog(copy).await;
        assert_eq!(reason(refused), "BadRequest");
    }
    for role in [
        Role::Agent,
        Role::Mysqld,
        Role::Loader,
        Role::Czar,
        Role::Proxy,
    ] {
        let caller = setup.worker.api(&archive, role);
        let refused = caller.put_catalog(&archive.sign(&catalog(7))).await;
        assert_eq!(reason(refused), "Forbidden");
    }
    let czar = setup.worker.api(&archive, Role::Czar);
    assert_eq!(czar.catalog().await.unwrap(), genuine);
}

#[tokio::test]
async fn bad_requests_get_an_answer_that_says_why() {
    let archive = Archive::new();
    let setup = with_archive(&archive, Worker::start(&archive, 1).await);
    let mut bad = attempt(1);
    bad.spec.database = "../etc".into();
    assert_eq!(reason(setup.open(&bad).await), "BadRequest");
    let mut bad = attempt(1);
    bad.spec.create_home = bad.spec.create_home.replace("InnoDB", "Aria");
    let (_, reason_, message) = refusal(setup.open(&bad).await);
    assert_eq!(reason_, "BadRequest");
    assert!(message.contains("is not an InnoDB table"), "{message}");
    let deleted = setup.operator.set_state(&state(RowState::Deleted)).await;
    assert_eq!(reason(deleted), "BadRequest");
    let page = PageQuery {
        after: Some("nonsense".into()),
        limit: None,
    };
    assert_eq!(reason(setup.operator.manifest(&page).await), "BadRequest");
    let mut load = setup.worker.url(AgentCall::Load, &[&1]);
    load.set_query(Some("part=home"));
    let loader = archive.client(Role::Loader);
    let answer = loader.post(load).body(framed("")).send().await.unwrap();
    assert_eq!(
        answer.json::<ApiError>().await.unwrap().reason,
        "BadRequest"
    );
    let nowhere = loader
        .get(setup.worker.base() + "/v2/info")
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.json::<ApiError>().await.unwrap().reason, "NotFound");
}

#[tokio::test]
async fn certificates_are_read_again_when_they_are_renewed() {
    let (archive, renewed) = (Archive::new(), Archive::new());
    let worker = Worker::start(&archive, 1).await;
    for file in ["tls.crt", "tls.key", "ca.crt"] {
        std::fs::copy(
            renewed.worker_tls_dir(1).join(file),
            archive.worker_tls_dir(1).join(file),
        )
        .unwrap();
    }
    assert!(worker.api(&archive, Role::Operator).info().await.is_err());
    assert!(worker.api(&renewed, Role::Operator).info().await.is_ok());
}

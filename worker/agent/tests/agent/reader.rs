//! The account that czars read with: over TLS, with a czar's certificate, and with the password
//! that holds now.

use std::path::Path;
use std::time::Duration;

use orrery_archive::names::{READER_ACCOUNT, Role};
use orrery_kit::{Mysqld, Options};
use orrery_kit_worker::{ARCHIVE_UID, Archive, READER_PASSWORD, TERM, Worker, default_config};
use orrery_tls::{Files, Identity};
use orrery_wire::client::{ClientConnection, ClientOptions, ClientTls, Endpoint};
use orrery_worker_api::agent::Adopt;

/// A worker whose mysqld has a certificate.
async fn worker(archive: &Archive) -> Worker {
    let folder = archive.tls_dir(Role::Mysqld);
    let path = |name: &str| folder.join(name).display().to_string();
    let options = Options {
        arguments: vec![
            format!("--ssl-ca={}", path("ca.crt")),
            format!("--ssl-cert={}", path("tls.crt")),
            format!("--ssl-key={}", path("tls.key")),
        ],
        ..Options::default()
    };
    let mysqld = tokio::task::spawn_blocking(move || Mysqld::launch(&options).unwrap())
        .await
        .unwrap();
    let mut config = default_config(archive, &mysqld);
    config.mysqld_tls_dir = Some(folder);
    config.reader_without_tls = false;
    let worker = Worker::start_with(mysqld, config).await;
    worker.ready().await;
    adopt(archive, &worker, READER_PASSWORD).await;
    worker
}

async fn adopt(archive: &Archive, worker: &Worker, password: &str) {
    let adopt = Adopt {
        term: TERM,
        archive_uid: ARCHIVE_UID.into(),
        worker: 1,
        reader_password: password.into(),
    };
    let operator = worker.api(archive, Role::Operator);
    operator.adopt(&adopt).await.unwrap();
}

fn reader(identity: Option<&Identity>, password: &str) -> ClientOptions {
    ClientOptions {
        user: READER_ACCOUNT.to_owned(),
        password: password.to_owned(),
        tls: identity.map(|identity| ClientTls {
            config: std::sync::Arc::new(identity.client(Role::Mysqld).unwrap()),
            server_name: "worker".try_into().unwrap(),
        }),
        ..ClientOptions::default()
    }
}

async fn connect(worker: &Worker, options: &ClientOptions) -> Option<ClientConnection> {
    let endpoint = Endpoint::Tcp(format!("127.0.0.1:{}", worker.mysqld.port()));
    ClientConnection::connect(&endpoint, options).await.ok()
}

#[tokio::test]
async fn only_a_czar_with_its_certificate_reads() {
    let archive = Archive::new();
    let worker = worker(&archive).await;
    let czar = archive.identity(Role::Czar);
    let mut reads = connect(&worker, &reader(Some(&czar), READER_PASSWORD))
        .await
        .unwrap();
    reads.run(b"SELECT 1").await.unwrap();
    let clear = connect(&worker, &reader(None, READER_PASSWORD)).await;
    assert!(clear.is_none(), "in the clear");
    for role in [Role::Proxy, Role::Agent, Role::Loader] {
        let other = archive.identity(role);
        let outcome = connect(&worker, &reader(Some(&other), READER_PASSWORD)).await;
        assert!(outcome.is_none(), "{role:?}");
    }
    let stranger = Archive::new().identity(Role::Czar);
    let outcome = connect(&worker, &reader(Some(&stranger), READER_PASSWORD)).await;
    assert!(outcome.is_none(), "of another authority");
}

#[tokio::test]
async fn a_password_is_rotated_without_a_restart_and_without_losing_a_connection() {
    let archive = Archive::new();
    let worker = worker(&archive).await;
    let czar = archive.identity(Role::Czar);
    let mut old = connect(&worker, &reader(Some(&czar), READER_PASSWORD))
        .await
        .unwrap();
    adopt(&archive, &worker, "rotated").await;
    let former = connect(&worker, &reader(Some(&czar), READER_PASSWORD)).await;
    assert!(former.is_none());
    assert!(
        connect(&worker, &reader(Some(&czar), "rotated"))
            .await
            .is_some()
    );
    old.run(b"SELECT 1").await.unwrap();
}

/// The operator hears which certificates mysqld and the agent work with.
async fn says(archive: &Archive, worker: &Worker, of_mysqld: &Path) {
    let digest = |folder: &Path| Some(Files::read(folder).unwrap().digest());
    let operator = worker.api(archive, Role::Operator);
    let mut info = operator.info().await.unwrap();
    // mysqld has read them a moment before its agent says so.
    while info.tls.mysqld != digest(of_mysqld) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        info = operator.info().await.unwrap();
    }
    assert_eq!(info.tls.agent, digest(&archive.tls_dir(Role::Agent)));
}

#[tokio::test]
async fn mysqld_reads_a_renewed_certificate_without_losing_a_connection() {
    let archive = Archive::new();
    let worker = worker(&archive).await;
    let czar = archive.identity(Role::Czar);
    let options = reader(Some(&czar), READER_PASSWORD);
    let mut old = connect(&worker, &options).await.unwrap();
    // A name that czars do not accept tells the new certificate from the old one.
    let folder = archive.tls_dir(Role::Mysqld);
    archive.issue(&folder, Role::Loader.common_name());
    let mut seconds = 0;
    while connect(&worker, &options).await.is_some() {
        assert!(seconds < 30, "the old certificate is still shown");
        seconds += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    old.run(b"SELECT 1").await.unwrap();
    says(&archive, &worker, &folder).await;
    archive.issue(&folder, Role::Mysqld.common_name());
    while connect(&worker, &options).await.is_none() {
        assert!(seconds < 60, "the certificate is not read again");
        seconds += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    old.run(b"SELECT 1").await.unwrap();
}

//! TLS inside: who may speak to whom, and certificates that change while connections live.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use orrery_archive::names::Role;
use orrery_kit::Mysqld;
use orrery_kit_worker::Archive;
use orrery_proxy::czars::{CzarOptions, Czars};
use orrery_proxy::inside::Inside;
use orrery_tls::{Files, Identity, Reloaded};
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, ClientTls, Endpoint};
use support::czar::Czar;
use support::{CZAR_PASSWORD, Running, cell, eventually, refused, rows, start_proxy};

fn database() -> Arc<Mysqld> {
    let database = Mysqld::start();
    database.sql("CREATE DATABASE sky");
    Arc::new(database)
}

fn inside(folder: &Path) -> Arc<Reloaded<Inside>> {
    Arc::new(Reloaded::role(folder, Inside::new).unwrap())
}

/// A proxy whose inner certificate is that of `folder`, in front of a czar with TLS.
async fn with_tls(archive: &Archive, folder: &Path, database: &Arc<Mysqld>) -> Running {
    let server = archive
        .identity(Role::Czar)
        .server_for(Role::Proxy)
        .unwrap();
    let czar = Czar::start_with(database, Some(Arc::new(server))).await;
    let tls = inside(folder);
    start_proxy(vec![czar], Vec::new(), move |proxy| {
        proxy.czars = Czars::new(CzarOptions {
            tls: Some(tls),
            ..proxy.czars.account().clone()
        });
    })
    .await
}

/// As a caller of `server` with an identity, under the proxies' account.
fn caller(identity: &Identity, server: Role) -> ClientOptions {
    ClientOptions {
        password: CZAR_PASSWORD.to_owned(),
        database: None,
        tls: Some(ClientTls {
            config: Arc::new(identity.client(server).unwrap()),
            server_name: "orrery".try_into().unwrap(),
        }),
        connect_timeout: Duration::from_secs(5),
        ..Running::options("orrery_proxy")
    }
}

async fn connects(port: u16, options: &ClientOptions) -> bool {
    let endpoint = Endpoint::Tcp(format!("127.0.0.1:{port}"));
    ClientConnection::connect(&endpoint, options).await.is_ok()
}

#[tokio::test]
async fn czars_and_peers_serve_proxies_with_their_certificate_and_nobody_else() {
    let (archive, database) = (Archive::new(), database());
    let running = with_tls(&archive, &archive.tls_dir(Role::Proxy), &database).await;
    let mut ann = running.connect("ann").await;
    assert_eq!(cell(&mut ann, "SELECT 1 + 1").await, "2");
    for (port, server) in [
        (running.czars[0].port, Role::Czar),
        (running.peer_port, Role::Proxy),
    ] {
        let as_role = |role: Role| caller(&archive.identity(role), server);
        assert!(connects(port, &as_role(Role::Proxy)).await, "{server:?}");
        for role in [Role::Agent, Role::Loader, Role::Mysqld] {
            assert!(
                !connects(port, &as_role(role)).await,
                "{role:?} at {server:?}"
            );
        }
        let plain = ClientOptions {
            tls: None,
            ..as_role(Role::Proxy)
        };
        assert!(!connects(port, &plain).await, "in the clear at {server:?}");
        let stranger = caller(&Archive::new().identity(Role::Proxy), server);
        assert!(!connects(port, &stranger).await, "of another authority");
    }
}

#[tokio::test]
async fn a_proxy_speaks_to_nothing_that_has_no_czars_certificate() {
    let (archive, database) = (Archive::new(), database());
    let server = archive
        .identity(Role::Loader)
        .server_for(Role::Proxy)
        .unwrap();
    let impostor = Czar::start_with(&database, Some(Arc::new(server))).await;
    let plain = Czar::start(&database).await;
    let ports = [impostor.port, plain.port];
    let caller = caller(&archive.identity(Role::Proxy), Role::Czar);
    for port in ports {
        assert!(!connects(port, &caller).await);
    }
    assert!(impostor.state.seen.lock().is_empty());
}

#[tokio::test]
async fn a_renewed_certificate_is_used_for_new_connections_and_ends_no_old_one() {
    let (archive, database) = (Archive::new(), database());
    let folder = tempfile::tempdir().unwrap();
    archive.issue(folder.path(), Role::Proxy.common_name());
    let running = with_tls(&archive, folder.path(), &database).await;
    let mut ann = running.connect("ann").await;
    let long = tokio::spawn(async move {
        let slept = cell(&mut ann, "SELECT SLEEP(4)").await;
        (slept, ann)
    });
    // A renewal that cannot be used changes nothing.
    std::fs::write(folder.path().join("tls.crt"), "half").unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let mut bob = running.connect("bob").await;
    assert_eq!(cell(&mut bob, "SELECT 3").await, "3");
    // A certificate of a role that czars do not serve: new connections fail, the old one lives.
    archive.issue(folder.path(), Role::Agent.common_name());
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (slept, mut ann) = long.await.unwrap();
    assert_eq!(slept, "0");
    assert_eq!(cell(&mut ann, "SELECT 4").await, "4");
    running.czars[0].drop_connections();
    eventually("the czar is lost", async || {
        !running.proxy.czars.any_healthy()
    })
    .await;
    assert_eq!(refused(&mut ann, "SELECT 5").await.0, 1105);
    archive.issue(folder.path(), Role::Proxy.common_name());
    eventually("the czar is back", async || {
        running.proxy.czars.any_healthy()
    })
    .await;
    assert_eq!(cell(&mut ann, "SELECT 6").await, "6");
}

#[tokio::test]
async fn clients_see_the_sites_certificate_and_a_renewed_one_without_losing_theirs() {
    let (archive, database) = (Archive::new(), database());
    let site = tempfile::tempdir().unwrap();
    archive.issue(site.path(), Role::Czar.common_name());
    let folder = site.path().to_owned();
    let czar = Czar::start(&database).await;
    let running = start_proxy(vec![czar], Vec::new(), move |proxy| {
        proxy.site = Some(Reloaded::site(&folder, Identity::public_server).unwrap());
        proxy.server.require_tls = true;
    })
    .await;
    // The name in the certificate tells which one is shown.
    let expecting = |role: Role| ClientOptions {
        tls: caller(&archive.identity(Role::Operator), role).tls,
        ..Running::options("ann")
    };
    let plain = running.try_connect(&Running::options("ann")).await;
    assert!(matches!(plain.err(), Some(ClientError::Server(error)) if error.code == 3159));
    let mut old = running.try_connect(&expecting(Role::Czar)).await.unwrap();
    std::fs::remove_file(site.path().join("ca.crt")).unwrap();
    archive.issue(site.path(), Role::Loader.common_name());
    let renewed = async || running.try_connect(&expecting(Role::Loader)).await.is_ok();
    eventually("the new one is shown", renewed).await;
    assert!(running.try_connect(&expecting(Role::Czar)).await.is_err());
    assert_eq!(rows(&mut old, "SELECT 1").await.unwrap(), [["1"]]);
    assert!(Files::read_site(site.path()).is_ok());
}

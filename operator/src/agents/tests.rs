//! Calls over real mutual TLS, with certificates as [`crate::secrets`] makes them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use orrery_archive::names::{Holder, ports};
use orrery_tls::Files;
use orrery_worker_api::CallError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{AgentError, Agents};
use crate::secrets::certificates::{Pair, authority, issue};

fn server_config(ca: &Pair, own: &Pair) -> rustls::ServerConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.certificate.as_bytes()).unwrap())
        .unwrap();
    let clients = WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .unwrap();
    rustls::ServerConfig::builder()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
        )
        .unwrap()
}

/// Answers one request with `status` and `body` under the certificate of `holder`: where it listens,
/// and the request that came.
pub(crate) async fn serve(
    ip: [u8; 4],
    ca: &Pair,
    holder: Holder,
    status: &'static str,
    body: &'static str,
) -> (String, JoinHandle<Option<String>>) {
    let own = issue(ca, holder, "sky", SystemTime::now()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(ca, &own)));
    let address = SocketAddr::from((Ipv4Addr::from(ip), ports::AGENT));
    let listener = TcpListener::bind(address).await.unwrap();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.ok()?;
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.ok()?;
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
        let _ = stream.shutdown().await;
        String::from_utf8(request[..length].to_vec()).ok()
    });
    (Ipv4Addr::from(ip).to_string(), served)
}

pub(crate) fn agents(ca: &Pair) -> Agents {
    orrery_shell::install_crypto();
    let own = issue(ca, Holder::Operator, "sky", SystemTime::now()).unwrap();
    let agents = Agents::default();
    agents.identify(
        "sky",
        Files::new(
            own.certificate.into_bytes(),
            own.key.into_bytes(),
            ca.certificate.clone().into_bytes(),
        ),
    );
    agents
}

const REFUSAL: &str = r#"{"reason": "TermTooLow", "message": "the highest seen is 9"}"#;

#[tokio::test]
async fn an_agents_own_words_come_back_as_the_error() {
    let ca = authority("sky", SystemTime::now()).unwrap();
    let agents = agents(&ca);
    let (address, _) = serve(
        [127, 8, 1, 1],
        &ca,
        Holder::Worker(1),
        "412 Precondition Failed",
        REFUSAL,
    )
    .await;
    let error = agents
        .of("sky", 1, &address)
        .unwrap()
        .info()
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Some("TermTooLow"), "{error}");
    assert_eq!(
        error.to_string(),
        "412 Precondition Failed: TermTooLow: the highest seen is 9"
    );
}

#[tokio::test]
async fn an_agent_is_called_while_one_version_of_its_api_is_spoken_here() {
    let ca = authority("sky", SystemTime::now()).unwrap();
    let agents = agents(&ca);
    let next = r#"{"apiVersions": [1, 2], "identity": null, "term": 0, "mysqld": null,
        "catalog": null, "freeBytes": 7, "held": null, "zone": "a"}"#;
    let (address, _) = serve([127, 8, 1, 4], &ca, Holder::Worker(1), "200 OK", next).await;
    let info = agents.of("sky", 1, &address).unwrap().info().await.unwrap();
    assert_eq!(info.free_bytes, 7);
    let later = r#"{"apiVersions": [8, 9], "identity": null, "term": 0, "mysqld": null,
        "catalog": null, "freeBytes": 7, "held": null}"#;
    let (address, _) = serve([127, 8, 1, 5], &ca, Holder::Worker(1), "200 OK", later).await;
    let refused = agents.of("sky", 1, &address).unwrap().info().await;
    let error = refused.unwrap_err();
    assert!(matches!(error, CallError::Version { .. }), "{error}");
    assert!(error.to_string().contains("[8, 9]"), "{error}");
}

#[tokio::test]
async fn only_an_agents_certificate_of_this_archive_is_trusted() {
    let ca = authority("sky", SystemTime::now()).unwrap();
    let agents = agents(&ca);
    let (loader, _) = serve([127, 8, 1, 2], &ca, Holder::Loader, "200 OK", "{}").await;
    let other = authority("other", SystemTime::now()).unwrap();
    let (stranger, _) = serve([127, 8, 1, 3], &other, Holder::Worker(1), "200 OK", "{}").await;
    for address in [loader, stranger] {
        let error = agents
            .of("sky", 1, &address)
            .unwrap()
            .info()
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::Unreachable(_)), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

/// Two workers' pods changed addresses: an order for one must not be carried out by the other.
#[tokio::test]
async fn a_call_says_for_which_worker_it_is_meant() {
    let ca = authority("sky", SystemTime::now()).unwrap();
    let agents = agents(&ca);
    let (address, request) = serve([127, 8, 1, 6], &ca, Holder::Worker(7), "200 OK", "").await;
    let agent = agents.of("sky", 7, &address).unwrap();
    agent.discard(1, 1).await.unwrap();
    let request = request.await.unwrap().unwrap().to_lowercase();
    assert!(request.contains("\r\norrery-worker: 7\r\n"), "{request}");
}

#[test]
fn nothing_is_called_before_the_archive_has_certificates() {
    let agents = Agents::default();
    assert!(!agents.knows("sky"));
    assert!(matches!(
        agents.of("sky", 1, "127.0.0.1"),
        Err(AgentError::NoIdentity(_))
    ));
    let ca = authority("sky", SystemTime::now()).unwrap();
    let agents = self::agents(&ca);
    assert!(agents.knows("sky"));
    assert!(matches!(
        agents.of("sky", 1, "not an address"),
        Err(AgentError::Address(_))
    ));
}

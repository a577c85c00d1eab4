//! The agent's own process killed in the middle of its work.

use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use futures::SinkExt;
use orrery_agent::testing::{Archive, Mysqld, Worker};
use orrery_archive::names::Role;
use orrery_worker_api::agent::{Loaded, frame};
use reqwest::{Body, Client, RequestBuilder};

use super::loads::{LOADING, STAGED};
use super::support::{Setup, answer, attempt, framed, number, until, with_archive};

/// The real program, beside a mysqld.
struct Program {
    child: Child,
    base: String,
}

impl Program {
    async fn start(archive: &Archive, mysqld: &Mysqld, operator: &Client) -> Self {
        let port = || {
            std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port()
        };
        let (api, admin) = (port(), port());
        let child = Command::new(env!("CARGO_BIN_EXE_orrery-agent"))
            .args(["serve", "--mysql-user=root", "--stream-idle=60", "--loads=2"])
            .arg(format!("--socket={}", mysqld.socket().display()))
            .arg(format!("--data-dir={}", mysqld.data_dir().display()))
            .arg(format!("--state-dir={}", mysqld.data_dir().display()))
            .arg(format!("--pipe-dir={}", mysqld.pipe_dir().display()))
            .arg(format!("--tls-dir={}", archive.tls_dir(Role::Agent).display()))
            .arg(format!("--catalog-key={}", archive.catalog_key().display()))
            .arg(format!("--listen=127.0.0.1:{api}"))
            .arg(format!("--admin-listen=127.0.0.1:{admin}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self {
            child,
            base: format!("https://127.0.0.1:{api}"),
        };
        let manifest = format!("{}/v1/manifest", program.base);
        while !operator
            .get(&manifest)
            .send()
            .await
            .is_ok_and(|response| response.status().is_success())
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        program
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn load(&self, loader: &Client, file_part: u32, body: impl Into<Body>) -> RequestBuilder {
        let url = format!(
            "{}/v1/attempts/1/load?part=home&chunk=1&file=0&filePart={file_part}",
            self.base
        );
        loader.post(url).body(body)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn an_agent_killed_inside_a_load_commits_nothing_and_mysqld_shuts_down() {
    let archive = Archive::new();
    let Setup {
        worker,
        operator,
        loader,
    } = with_archive(&archive, Worker::start(&archive, 1).await);
    // The library's agent makes the tables; then the program takes over.
    answer::<()>(operator.post(worker.url("/v1/attempts")).json(&attempt(1)))
        .await
        .unwrap();
    let mut mysqld = worker.stop_agent().await;

    let program = Program::start(&archive, &mysqld, &operator).await;
    let (mut sender, receiver) = futures::channel::mpsc::channel::<std::io::Result<Bytes>>(1);
    let sending = tokio::spawn(program.load(&loader, 0, Body::wrap_stream(receiver)).send());
    let cut = [&frame::header(1000)[..], b"1\ta\t1\t1\n2\tb\t1\t30"].concat();
    sender.send(Ok(cut.into())).await.unwrap();
    until(&mysqld, LOADING, 1).await;
    program.kill();
    assert!(sending.await.unwrap().is_err());
    until(&mysqld, LOADING, 0).await;
    assert_eq!(
        std::fs::read_dir(mysqld.pipe_dir()).unwrap().count(),
        1,
        "the pipe is left behind"
    );

    let program = Program::start(&archive, &mysqld, &operator).await;
    assert_eq!(std::fs::read_dir(mysqld.pipe_dir()).unwrap().count(), 0);
    assert_eq!(number(&mysqld, STAGED).await, 0);
    let loaded: Loaded = answer(program.load(&loader, 0, framed("1\ta\t1\t1\n2\tb\t1\t300\n")))
        .await
        .unwrap();
    assert_eq!((loaded.rows, loaded.already), (2, false));
    assert!(mysqld.shut_down(), "mysqld hangs: {}", mysqld.log());
}

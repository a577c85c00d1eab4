//! The agent's own process killed in the middle of its work.

use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use futures::SinkExt;
use orrery_archive::names::Role;
use orrery_kit_worker::{Archive, Mysqld, Worker, port};
use orrery_worker_api::agent::PageQuery;
use orrery_worker_api::client::{AgentClient, Body};
use orrery_worker_api::frame;

use super::loads::{LOADING, STAGED};
use super::support::{Setup, attempt, framed, number, part, until, with_archive};

/// The real program, with a mysqld.
struct Program {
    child: Child,
    loader: AgentClient,
}

impl Program {
    async fn start(archive: &Archive, mysqld: &Mysqld) -> Self {
        let (api, admin) = (port::reserve().unwrap(), port::reserve().unwrap());
        let mut child = Command::new(env!("CARGO_BIN_EXE_orrery-agent"))
            .args([
                "serve",
                "--mysql-user=root",
                "--stream-idle=60",
                "--loads=2",
                "--reader-without-tls",
            ])
            .arg(format!("--socket={}", mysqld.socket().display()))
            .arg(format!("--data-dir={}", mysqld.data_dir().display()))
            .arg(format!("--state-dir={}", mysqld.data_dir().display()))
            .arg(format!("--pipe-dir={}", mysqld.pipe_dir().display()))
            .arg(format!(
                "--tls-dir={}",
                archive.tls_dir(Role::Agent).display()
            ))
            .arg(format!("--public-keys={}", archive.public_keys().display()))
            .arg(format!("--listen=127.0.0.1:{api}"))
            .arg(format!("--admin-listen=127.0.0.1:{admin}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let base = format!("https://127.0.0.1:{api}");
        let operator = archive.agents(Role::Operator).at(&base).unwrap();
        while operator.manifest(&PageQuery::default()).await.is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "the agent has ended");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self {
            child,
            loader: archive.agents(Role::Loader).at(&base).unwrap(),
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
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
        worker, operator, ..
    } = with_archive(&archive, Worker::start(&archive, 1).await);
    // The library's agent makes the tables; then the program takes over.
    operator.open(&attempt(1)).await.unwrap();
    let mut mysqld = worker.stop_agent().await;

    let program = Program::start(&archive, &mysqld).await;
    let (mut sender, receiver) = futures::channel::mpsc::channel::<std::io::Result<Bytes>>(1);
    let loader = program.loader.clone();
    let sending =
        tokio::spawn(async move { loader.load(1, &part(0), Body::wrap_stream(receiver)).await });
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

    let program = Program::start(&archive, &mysqld).await;
    assert_eq!(std::fs::read_dir(mysqld.pipe_dir()).unwrap().count(), 0);
    assert_eq!(number(&mysqld, STAGED).await, 0);
    let rows = framed("1\ta\t1\t1\n2\tb\t1\t300\n").into();
    let loaded = program.loader.load(1, &part(0), rows).await.unwrap();
    assert_eq!((loaded.rows, loaded.already), (2, false));
    assert!(
        mysqld.shut_down().unwrap(),
        "mysqld hangs: {}",
        mysqld.log()
    );
}

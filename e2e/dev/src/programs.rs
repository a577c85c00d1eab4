//! Czar and proxy as processes of their own, with their output in logs.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use orrery_archive::names::CZAR_ACCOUNT;
use orrery_kit::port;

use crate::stack::Stack;

/// How long a program may take to come up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Starts a czar over the stack; returns once it takes connections. `programs` is the folder of the
/// programs.
pub fn start_czar(
    programs: &Path,
    folder: &Path,
    stack: &Stack,
    listen: SocketAddr,
) -> anyhow::Result<Child> {
    let mut command = program(programs, folder, "orrery-czar")?;
    command
        .args(["--listen", &listen.to_string()])
        .args(["--admin-listen", &format!("127.0.0.1:{}", port::reserve()?)])
        .args(["--without-cluster", "--without-tls"])
        .arg("--snapshot")
        .arg(stack.snapshot())
        .arg("--passwords")
        .arg(stack.passwords())
        .arg("--shadow-user=root")
        .arg("--shadow-socket")
        .arg(stack.shadow.socket())
        .arg("--spool")
        .arg(folder.join("spool"));
    let child = command.spawn().context("start orrery-czar")?;
    wait_for(listen, folder, "czar")?;
    Ok(child)
}

/// Starts a proxy in front of a czar; returns once it takes connections.
pub fn start_proxy(
    programs: &Path,
    folder: &Path,
    stack: &Stack,
    czar: SocketAddr,
    listen: SocketAddr,
) -> anyhow::Result<Child> {
    let mut command = program(programs, folder, "orrery-proxy")?;
    command
        .args(["--listen", &listen.to_string()])
        .args(["--admin-listen", &format!("127.0.0.1:{}", port::reserve()?)])
        .args(["--peer-listen", "127.0.0.1:0"])
        .args(["--czar", &czar.to_string()])
        .args(["--without-cluster", "--without-tls"])
        .arg("--snapshot")
        .arg(stack.snapshot())
        .arg("--czar-password-file")
        .arg(stack.passwords().join(CZAR_ACCOUNT));
    let child = command.spawn().context("start orrery-proxy")?;
    wait_for(listen, folder, "proxy")?;
    Ok(child)
}

fn program(programs: &Path, folder: &Path, name: &str) -> anyhow::Result<Command> {
    let path = programs.join(name);
    ensure!(path.exists(), "{} is not built", path.display());
    let log = File::create(folder.join(format!("{name}.log")))?;
    let mut command = Command::new(path);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log));
    Ok(command)
}

fn wait_for(address: SocketAddr, folder: &Path, what: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    while TcpStream::connect(address).is_err() {
        ensure!(
            Instant::now() < deadline,
            "the {what} does not come up; see {}",
            folder.display()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

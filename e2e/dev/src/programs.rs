//! Czar and proxy as processes of their own, with their output in logs.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use orrery_archive::names::{CZAR_ACCOUNT, Role};
use orrery_kit::port;

use crate::mysqld::Mysqld;
use crate::stack::Stack;

/// How long a program may take to come up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where programs are, and where they keep what is theirs.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The folder of the programs.
    pub programs: &'a Path,
    /// Folder of logs and spool.
    pub folder: &'a Path,
    /// Folder with the certificates of the roles, a folder each, and with the file `public-keys`, for
    /// mutual TLS between the programs; without it they speak in the clear.
    pub tls: Option<&'a Path>,
}

/// Starts a czar over the stack, with a shadow server that no other czar has; returns once it takes
/// connections.
pub fn start_czar(
    place: &Place<'_>,
    stack: &Stack,
    shadow: &Mysqld,
    listen: SocketAddr,
) -> anyhow::Result<Child> {
    let mut command = place.program("orrery-czar", Role::Czar)?;
    command
        .args(["--listen", &listen.to_string()])
        .args(["--admin-listen", &format!("127.0.0.1:{}", port::reserve()?)])
        .arg("--without-cluster")
        .arg("--snapshot")
        .arg(stack.snapshot())
        .arg("--passwords")
        .arg(stack.passwords())
        .arg("--shadow-user=root")
        .arg("--shadow-socket")
        .arg(shadow.socket())
        .arg("--spool")
        .arg(place.folder.join("spool"));
    if let Some(folder) = place.tls {
        command.arg("--public-keys").arg(folder.join("public-keys"));
    }
    let child = command.spawn().context("start orrery-czar")?;
    wait_for(listen, place.folder, "czar")?;
    Ok(child)
}

/// Starts a proxy in front of a czar; returns once it takes connections.
pub fn start_proxy(
    place: &Place<'_>,
    stack: &Stack,
    czar: SocketAddr,
    listen: SocketAddr,
) -> anyhow::Result<Child> {
    let mut command = place.program("orrery-proxy", Role::Proxy)?;
    command
        .args(["--listen", &listen.to_string()])
        .args(["--admin-listen", &format!("127.0.0.1:{}", port::reserve()?)])
        .args(["--peer-listen", "127.0.0.1:0"])
        .args(["--czar", &czar.to_string()])
        .arg("--without-cluster")
        .arg("--snapshot")
        .arg(stack.snapshot())
        .arg("--czar-password-file")
        .arg(stack.passwords().join(CZAR_ACCOUNT));
    let child = command.spawn().context("start orrery-proxy")?;
    wait_for(listen, place.folder, "proxy")?;
    Ok(child)
}

impl Place<'_> {
    /// The program of this name, which speaks in this role.
    fn program(&self, name: &str, role: Role) -> anyhow::Result<Command> {
        let path = self.programs.join(name);
        ensure!(path.exists(), "{} is not built", path.display());
        let log = File::create(self.folder.join(format!("{name}.log")))?;
        let mut command = Command::new(path);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log));
        match self.tls {
            Some(folder) => command
                .arg("--tls-dir")
                .arg(folder.join(role.common_name())),
            None => command.arg("--without-tls"),
        };
        Ok(command)
    }
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

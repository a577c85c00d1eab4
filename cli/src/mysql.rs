//! `kubectl orrery mysql`: a MySQL client at the archive's proxy, through the cluster's API.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::archive::Cluster;
use crate::user;

/// The proxy's Service and port.
const SERVICE: &str = "service/orrery-proxy";
const PORT: u16 = 4040;
/// Clients, the first that is installed.
const CLIENTS: [&str; 2] = ["mariadb", "mysql"];

/// A `kubectl port-forward`, ended when dropped.
struct Forward {
    process: Child,
    port: u16,
    /// Kept open: kubectl ends when its output has no reader.
    _output: BufReader<ChildStdout>,
}

impl Forward {
    fn start(cluster: &Cluster, namespace: &str) -> Result<Self> {
        let mut process = Command::new("kubectl")
            .args(cluster.flags())
            .args(["--namespace", namespace, "port-forward", SERVICE])
            .arg(format!(":{PORT}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting kubectl")?;
        let output = process.stdout.take().context("kubectl has no output")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).context("reading kubectl")?;
        let Some(port) = forwarded_port(&line) else {
            // What kept it from forwarding it has said on standard error.
            let _ = process.kill();
            let _ = process.wait();
            bail!("kubectl does not forward a port to {SERVICE} in namespace {namespace}");
        };
        Ok(Self {
            process,
            port,
            _output: output,
        })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a client as `user` with `arguments`; its exit code.
pub async fn run(cluster: &Cluster, user: &str, arguments: &[String]) -> Result<ExitCode> {
    let archive = cluster.connect().await?;
    let password = user::password(&archive, user).await?;
    let forward = Forward::start(cluster, &archive.namespace)?;
    let port = forward.port.to_string();
    for client in CLIENTS {
        let started = Command::new(client)
            .args(["--protocol=tcp", "--host=127.0.0.1", "--port", &port])
            .args(["--user", user])
            .args(arguments)
            .env("MYSQL_PWD", &password)
            .status();
        match started {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            ended => {
                return Ok(exit_code(
                    ended.with_context(|| format!("running {client}"))?,
                ));
            }
        }
    }
    bail!("neither of {} is installed", CLIENTS.join(" and "))
}

fn exit_code(status: ExitStatus) -> ExitCode {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The port in `Forwarding from 127.0.0.1:40123 -> 4040`.
fn forwarded_port(line: &str) -> Option<u16> {
    let (from, _) = line.split_once(" -> ")?;
    from.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_one_that_kubectl_chose() {
        let line = "Forwarding from 127.0.0.1:40123 -> 4040\n";
        assert_eq!(forwarded_port(line), Some(40123));
        assert_eq!(forwarded_port("Forwarding from [::1]:7 -> 4040"), Some(7));
        assert_eq!(forwarded_port("error: pods not found"), None);
    }
}

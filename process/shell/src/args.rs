//! Flags that all programs have in common. Every flag can be given in the environment too.

use std::net::{Ipv4Addr, SocketAddr};

use clap::{Args, ValueEnum};
use orrery_archive::names::ports;
use tracing_subscriber::EnvFilter;

/// Flags of a program that serves: logs and admin port.
#[derive(Args, Clone, Debug)]
pub struct ShellArgs {
    /// Logs.
    #[command(flatten)]
    pub log: LogArgs,
    /// Address of /metrics, /healthz and /readyz, without TLS.
    #[arg(long, env = "ORRERY_ADMIN_LISTEN",
        default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, ports::ADMIN)))]
    pub admin_listen: SocketAddr,
}

/// How a program logs. Logs go to standard error.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// What is logged, in the syntax of RUST_LOG: a level, or levels by module.
    #[arg(long, env = "RUST_LOG", default_value = "info", value_parser = filter)]
    pub log_filter: String,
    /// Form of the lines.
    #[arg(long, env = "ORRERY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Form of the log's lines.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// The value of the flag.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

fn filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::builder().parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Parser, ValueEnum as _};

    use super::{LogFormat, ShellArgs};

    #[derive(Parser)]
    struct Config {
        #[command(flatten)]
        shell: ShellArgs,
    }

    fn parse(flags: &[&str]) -> Result<ShellArgs, clap::Error> {
        Config::try_parse_from(["program"].iter().chain(flags)).map(|config| config.shell)
    }

    #[test]
    fn a_filter_or_a_format_that_nothing_understands_is_refused_at_once() {
        let given = parse(&["--log-format=json", "--log-filter=orrery_czar=debug,info"]).unwrap();
        assert_eq!(given.log.log_format, LogFormat::Json);
        assert!(parse(&["--log-format=xml"]).is_err());
        assert!(parse(&["--log-filter=orrery_czar=loud"]).is_err());
    }

    #[test]
    fn the_name_of_a_format_is_the_flag_that_asks_for_it() {
        for format in LogFormat::value_variants() {
            assert_eq!(
                LogFormat::from_str(format.as_str(), false).as_ref(),
                Ok(format)
            );
        }
    }
}

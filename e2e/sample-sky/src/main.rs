//! `orrery-sample-sky`: writes, serves and declares the sample sky.

use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use flate2::Compression;
use flate2::write::GzEncoder;
use orrery_sample_sky::manifests::Manifests;
use orrery_sample_sky::{Sky, Table, server};
use orrery_shell::LogArgs;
use tokio_util::sync::CancellationToken;

/// A made-up but realistic sky: the same rows for the same size and seed.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes one file of one table to standard output as CSV (comma, no header, \N, backslash
    /// escapes).
    Write(WriteArgs),
    /// Serves every file of every sky: /v1/{objects}/{seed}/{table}/{file}-of-{files}.csv
    Serve {
        /// Address to listen on.
        #[arg(long, default_value = "0.0.0.0:8080")]
        listen: SocketAddr,
    },
    /// Prints the YAML that declares the tables and ingests the files.
    Manifests(ManifestArgs),
}

#[derive(Args)]
struct Size {
    /// Number of objects; sources are about five times as many.
    #[arg(long, default_value_t = 1_000_000)]
    objects: u64,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Args)]
struct WriteArgs {
    #[command(flatten)]
    size: Size,
    /// Object, Source or Filter.
    #[arg(long)]
    table: Table,
    /// Which of the files, from 0.
    #[arg(long, default_value_t = 0)]
    file: u32,
    /// Into how many files the table is cut.
    #[arg(long, default_value_t = 1)]
    of: u32,
    /// Compress.
    #[arg(long)]
    gzip: bool,
}

#[derive(Args)]
struct ManifestArgs {
    #[command(flatten)]
    size: Size,
    /// Files each of Object and Source.
    #[arg(long, default_value_t = 8)]
    files: u32,
    /// Where the files are served.
    #[arg(long)]
    base_url: String,
    /// Namespace of the objects.
    #[arg(long)]
    namespace: String,
    /// Worker pool that holds the chunks.
    #[arg(long, default_value = "default")]
    pool: String,
    /// Copies of each chunk.
    #[arg(long, default_value_t = 3)]
    replicas: u32,
}

fn main() -> ExitCode {
    let Cli { log, command } = Cli::parse();
    orrery_shell::run(&log, async |stop| match command {
        Command::Write(args) => write(&args),
        Command::Serve { listen } => serve(listen, stop).await,
        Command::Manifests(args) => manifests(args),
    })
}

fn write(args: &WriteArgs) -> Result<()> {
    let part = Sky::new(args.size.objects, args.size.seed)?.part(args.table, args.file, args.of)?;
    let out = io::stdout().lock();
    let written = if args.gzip {
        let mut encoder = GzEncoder::new(out, Compression::fast());
        copy(part.blocks(), &mut encoder).and_then(|()| encoder.finish()?.flush())
    } else {
        copy(part.blocks(), &mut BufWriter::new(out))
    };
    written.context("writing to standard output")
}

fn copy(blocks: orrery_sample_sky::Blocks, out: &mut impl Write) -> io::Result<()> {
    for block in blocks {
        out.write_all(&block)?;
    }
    out.flush()
}

async fn serve(listen: SocketAddr, stop: CancellationToken) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving the sample sky");
    axum::serve(listener, server::router())
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("serving")
}

fn manifests(args: ManifestArgs) -> Result<()> {
    let manifests = Manifests {
        objects: args.size.objects,
        seed: args.size.seed,
        files: args.files,
        base_url: args.base_url.trim_end_matches('/').to_owned(),
        namespace: args.namespace,
        pool: args.pool,
        replicas: args.replicas,
    };
    let mut out = io::stdout().lock();
    for document in manifests.documents()? {
        let yaml = serde_saphyr::to_string(&document).context("printing YAML")?;
        writeln!(out, "---\n{}", yaml.trim_end())?;
    }
    Ok(())
}

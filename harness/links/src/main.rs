//! The fault proxy as a process. Its arguments are those of Toxiproxy's server, with one dash or two; logs go to
//! standard output as JSON lines; and it has a health check for containers that have no shell.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use crosspod_links::server::Server;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Bound for the answer of a healthy proxy to its health check.
const HEALTH_WITHIN: Duration = Duration::from_secs(2);

#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Ask a running proxy for its health: exit code 0 if it is healthy, 1 if not
    Health {
        #[command(flatten)]
        admin: Admin,
    },
    /// Do nothing until SIGTERM or SIGINT: a container that only holds a network needs a process
    Stay,
}

#[derive(Args)]
struct Admin {
    /// Host of the admin interface
    #[arg(long, env = "CROSSPOD_LINKS_HOST", default_value = "localhost")]
    host: String,
    /// Port of the admin interface
    #[arg(long, env = "CROSSPOD_LINKS_PORT", default_value_t = 8474)]
    port: u16,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    admin: Admin,
    /// JSON file with the proxies to begin with
    #[arg(long, value_name = "FILE", env = "CROSSPOD_LINKS_CONFIG")]
    config: Option<PathBuf>,
    /// The proxies to begin with, as JSON
    #[arg(long, value_name = "JSON", env = "CROSSPOD_LINKS_PROXIES", conflicts_with = "config")]
    proxies: Option<String>,
    /// Seed of all chance: toxicity, jitter, sizes of slices
    #[arg(long, env = "CROSSPOD_LINKS_SEED", default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    end_on_panic();
    let cli = Cli::parse_from(env::args_os().map(with_two_dashes));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .init();
    let done = match cli.command {
        Some(Command::Health { admin }) => health(&admin),
        Some(Command::Stay) => stay(),
        None => serve(cli.serve),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a panic in any task end the process, behind its message: a proxy that lost a task must not look alive.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

/// `-host` as `--host`: Toxiproxy's server takes both, and its image's own arguments have one dash.
fn with_two_dashes(arg: OsString) -> OsString {
    match arg.to_str() {
        Some(text) if text.len() > 2 && text.starts_with('-') && !text.starts_with("--") => format!("-{text}").into(),
        _ => arg,
    }
}

/// On one thread: a byte then never waits for another thread to wake.
#[tokio::main(flavor = "current_thread")]
async fn serve(options: Serve) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let Admin { host, port } = &options.admin;
    let server = Server::bind((host.as_str(), *port), options.seed)
        .await
        .with_context(|| format!("cannot listen on {host}:{port} for the admin interface"))?;
    let config = match (&options.config, options.proxies) {
        (Some(file), _) => Some(fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?),
        (None, proxies) => proxies,
    };
    if let Some(config) = config {
        server
            .populate(config.as_bytes())
            .await
            .context("cannot make the proxies to begin with")?;
    }
    tracing::info!(admin = %server.admin, "listening");
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server.run(shutdown).await.context("the admin interface failed")
}

#[tokio::main(flavor = "current_thread")]
async fn stay() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// One request over a plain socket: all that a health check needs.
fn health(admin: &Admin) -> anyhow::Result<()> {
    // A proxy that listens on every address is asked on the loopback.
    let host = match admin.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "::1",
        host => host,
    };
    let asked = || {
        let mut stream = TcpStream::connect((host, admin.port))?;
        stream.set_read_timeout(Some(HEALTH_WITHIN))?;
        stream.set_write_timeout(Some(HEALTH_WITHIN))?;
        write!(
            stream,
            "GET /version HTTP/1.1\r\nhost: {host}:{}\r\nconnection: close\r\n\r\n",
            admin.port
        )?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        std::io::Result::Ok(status)
    };
    let status = asked().with_context(|| format!("no answer from the admin interface at {host}:{}", admin.port))?;
    if status != *b"HTTP/1.1 200" {
        bail!(
            "the admin interface at {host}:{} answered {:?}, expected HTTP/1.1 200",
            admin.port,
            String::from_utf8_lossy(&status)
        );
    }
    Ok(())
}

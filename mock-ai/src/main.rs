//! The provider as a process: addresses from the command line, logs as JSON lines on standard output, and a health
//! check for containers that have no shell.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::{Args, Parser, Subcommand};
use mock_ai::server::{Server, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Time within which a healthy provider answers its health check.
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
    /// Ask a running provider whether it is well: exit code 0 if so, 1 if not
    Health {
        #[command(flatten)]
        admin: Admin,
    },
}

#[derive(Args)]
struct Admin {
    /// Address of the admin interface
    #[arg(long, value_name = "ADDR", env = "MOCK_AI_ADMIN", default_value = "127.0.0.1:8081")]
    admin: SocketAddr,
}

#[derive(Args)]
struct Serve {
    /// Address of the provider; port 0 picks a free one
    #[arg(long, value_name = "ADDR", env = "MOCK_AI_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// One more address of the provider, whose calls are this caller's by the journal; may be repeated
    #[arg(long = "caller", value_name = "NAME=ADDR", env = "MOCK_AI_CALLERS", value_delimiter = ',', value_parser = caller)]
    callers: Vec<(String, SocketAddr)>,
    #[command(flatten)]
    admin: Admin,
    /// A model that exists; may be repeated. Without it every name is a model
    #[arg(long = "model", value_name = "NAME", env = "MOCK_AI_MODELS", value_delimiter = ',')]
    models: Vec<String>,
    /// Refuse requests that carry no API key
    #[arg(long, env = "MOCK_AI_REQUIRE_KEY")]
    require_key: bool,
}

fn main() -> ExitCode {
    end_on_panic();
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .init();
    let done = match cli.command {
        Some(Command::Health { admin }) => health(admin.admin),
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

/// Makes a panic in any task end the process, behind its message: a provider that lost a task must not look alive.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

#[tokio::main]
async fn serve(options: Serve) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut server = Server::bind(options.listen, options.admin.admin).await?;
    for (name, addr) in &options.callers {
        server.bind_for(name, *addr).await?;
    }
    tracing::info!(listen = %server.listen, admin = %server.admin, "listening");
    let settings = Settings {
        models: options.models,
        require_key: options.require_key,
    };
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server.with(settings).run(shutdown).await;
    Ok(())
}

/// A caller's name and the address that is its own.
fn caller(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, addr) = text.split_once('=').ok_or("expected NAME=ADDR")?;
    let addr = addr.parse().map_err(|error| format!("{addr}: {error}"))?;
    Ok((name.to_owned(), addr))
}

/// One request over a plain socket: all that a health check needs.
fn health(admin: SocketAddr) -> anyhow::Result<()> {
    ensure!(
        admin.port() != 0,
        "port 0 is no address to ask, give the admin interface's with --admin"
    );
    let admin = SocketAddr::new(reachable(admin.ip()), admin.port());
    let asked = || {
        let mut stream = TcpStream::connect_timeout(&admin, HEALTH_WITHIN)?;
        stream.set_read_timeout(Some(HEALTH_WITHIN))?;
        stream.set_write_timeout(Some(HEALTH_WITHIN))?;
        write!(
            stream,
            "GET /__mock/health HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n"
        )?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        std::io::Result::Ok(status)
    };
    let status = asked().with_context(|| format!("no answer from the admin interface at {admin}"))?;
    if status != *b"HTTP/1.1 200" {
        bail!(
            "the admin interface at {admin} answered {:?}, expected HTTP/1.1 200",
            String::from_utf8_lossy(&status)
        );
    }
    Ok(())
}

/// Whoever listens on every address is asked on the loopback.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

//! What the proxy costs with no toxic: time added to a round trip, and bytes a second.
//!
//! The proxy is a process of its own, as it is in a cluster. Round trips are paired: one direct, one through the proxy,
//! by turns, so that whatever else the machine does falls on both alike.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const ROUND_TRIPS: usize = 20_000;
const WARM_UP: usize = 1_000;
const MESSAGE_BYTES: usize = 128;
const STREAM_BYTES: usize = 2 << 30;
const STREAMS: usize = 5;
const BLOCK_BYTES: usize = 256 << 10;

const ADDED_MAX: Duration = Duration::from_micros(150);
const RATE_MIN: f64 = 500.0;

type Failed = Box<dyn Error>;

struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself, and then said why.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Starts the proxy in front of `upstream`; returns the address that it listens on.
fn proxy(upstream: SocketAddr) -> Result<(Proxy, SocketAddr), Failed> {
    // Free a moment ago, and asked for by nobody else.
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let proxies = format!(r#"[{{"name": "bench", "listen": "{listen}", "upstream": "{upstream}"}}]"#);
    let mut child = Command::new(env!("CARGO_BIN_EXE_crosspod-links"))
        .args(["--host", "127.0.0.1", "--port", "0", "--proxies", &proxies])
        .stdout(Stdio::piped())
        .spawn()?;
    let logs = child.stdout.take().ok_or("no standard output")?;
    let proxy = Proxy(child);
    let mut lines = BufReader::new(logs).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.contains("\"admin\"") {
            thread::spawn(move || lines.for_each(drop));
            return Ok((proxy, listen));
        }
    }
    Err("the proxy ended before it listened".into())
}

/// A server that answers on each connection in a thread of its own.
fn server(answer: fn(TcpStream)) -> Result<SocketAddr, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(addr)
}

fn echo(mut stream: TcpStream) {
    let mut message = [0; MESSAGE_BYTES];
    if stream.set_nodelay(true).is_err() {
        return;
    }
    while stream.read_exact(&mut message).is_ok() && stream.write_all(&message).is_ok() {}
}

/// Takes everything, then says so.
fn sink(mut stream: TcpStream) {
    let mut block = vec![0; BLOCK_BYTES];
    while stream.read(&mut block).is_ok_and(|read| read > 0) {}
    // Whoever has gone does not wait for it.
    let _gone = stream.write_all(b"!");
}

fn round_trip(stream: &mut TcpStream) -> Result<Duration, Failed> {
    let mut message = [7; MESSAGE_BYTES];
    let begun = Instant::now();
    stream.write_all(&message)?;
    stream.read_exact(&mut message)?;
    Ok(begun.elapsed())
}

fn connect(addr: SocketAddr) -> Result<TcpStream, Failed> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Megabytes (of 1,000,000 bytes) a second, until the receiver has said that it has everything.
fn rate(addr: SocketAddr) -> Result<f64, Failed> {
    let mut stream = connect(addr)?;
    let block = vec![7; BLOCK_BYTES];
    let begun = Instant::now();
    for _ in 0..STREAM_BYTES / BLOCK_BYTES {
        stream.write_all(&block)?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read_exact(&mut [0])?;
    Ok(STREAM_BYTES as f64 / 1e6 / begun.elapsed().as_secs_f64())
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[expect(clippy::print_stdout, reason = "figures are what a bench is for")]
fn latency() -> Result<bool, Failed> {
    let upstream = server(echo)?;
    let (_proxy, listen) = proxy(upstream)?;
    let mut direct = connect(upstream)?;
    let mut proxied = connect(listen)?;
    let mut pairs = Vec::new();
    for n in 0..WARM_UP + ROUND_TRIPS {
        let pair = (round_trip(&mut direct)?, round_trip(&mut proxied)?);
        if n >= WARM_UP {
            pairs.push(pair);
        }
    }
    let mut added: Vec<f64> = pairs
        .iter()
        .map(|(direct, proxied)| micros(*proxied) - micros(*direct))
        .collect();
    let mut alone: Vec<f64> = pairs.iter().map(|(direct, _)| micros(*direct)).collect();
    added.sort_unstable_by(f64::total_cmp);
    alone.sort_unstable_by(f64::total_cmp);
    println!(
        "round trip of {MESSAGE_BYTES} bytes, {ROUND_TRIPS} pairs: direct {:.1} us (median), added {:.1} us (median), {:.1} us (p90), {:.1} us (p99)",
        percentile(&alone, 50),
        percentile(&added, 50),
        percentile(&added, 90),
        percentile(&added, 99),
    );
    let met = percentile(&added, 50) <= micros(ADDED_MAX);
    println!("  at most {:.0} us added: {}", micros(ADDED_MAX), verdict(met));
    Ok(met)
}

#[expect(clippy::print_stdout, reason = "figures are what a bench is for")]
fn throughput() -> Result<bool, Failed> {
    let upstream = server(sink)?;
    let (_proxy, listen) = proxy(upstream)?;
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..STREAMS {
        rates[0].push(rate(upstream)?);
        rates[1].push(rate(listen)?);
    }
    for rates in &mut rates {
        rates.sort_unstable_by(f64::total_cmp);
    }
    let [direct, proxied] = rates.map(|rates| (rates[0], rates[STREAMS / 2]));
    println!(
        "stream of {} MiB, {STREAMS} times: direct {:.0} MB/s, through the proxy {:.0} MB/s (median; slowest {:.0})",
        STREAM_BYTES >> 20,
        direct.1,
        proxied.1,
        proxied.0,
    );
    let met = proxied.1 >= RATE_MIN;
    println!("  at least {RATE_MIN:.0} MB/s: {}", verdict(met));
    Ok(met)
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn main() -> Result<(), Failed> {
    let met = [latency()?, throughput()?];
    if met.contains(&false) {
        return Err("a target was missed".into());
    }
    Ok(())
}

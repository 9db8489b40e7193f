//! Requests to Redis as a store reads them, for the stores of tests.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

/// The words of the next command. Returns `None` if the client has gone or sends something else.
pub(crate) async fn command(stream: &mut BufReader<TcpStream>) -> Option<Vec<Vec<u8>>> {
    let count = length(stream, "*").await?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = length(stream, "$").await?;
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word).await.ok()?;
        word.truncate(length);
        words.push(word);
    }
    Some(words)
}

/// The number in a line that begins with a sign.
async fn length(stream: &mut BufReader<TcpStream>, sign: &str) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(sign)?.parse().ok()
}

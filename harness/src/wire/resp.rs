//! Replies of a Redis store (RESP, version 2), read up to limits.
//!
//! A text that is longer than its limit is passed over, and its length is kept. A reply that is larger than its limit cannot be read:
//! the connection is of no use afterwards. Deliberately absent: the types of version 3, which a store sends only if it is asked to.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Longest line of a reply, in bytes.
const LINE_MAX: u64 = 64 << 10;
/// Lists within lists.
const DEPTH_MAX: usize = 8;
/// Memory that a value takes beside its text, in bytes.
const VALUE_BYTES: usize = 64;

/// Limits of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Bytes of the whole reply as it is kept, passed-over texts left out.
    pub reply_bytes: usize,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// One line of text: `+OK`.
    Line(String),
    /// A refusal: `-ERR`.
    Refused(String),
    /// A number: `:42`.
    Number(i64),
    /// A text that may hold anything: `$3`.
    Text(Vec<u8>),
    /// The length of a text that is longer than its limit.
    TooLong(u64),
    /// Nothing: `$-1`, `*-1`.
    Nothing,
    /// A list: `*2`.
    List(Vec<Self>),
}

/// A reply that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// The connection ended inside the reply.
    #[error("the answer broke off")]
    Ended,
    /// The bytes are no reply.
    #[error("an answer of another kind: {0:?}")]
    Garbled(String),
    /// The reply is larger than its limit.
    #[error("an answer of over {0} bytes")]
    TooLarge(usize),
}

/// The kind of value that a line begins.
enum Begun {
    Whole(Reply),
    /// A list of so many values.
    List(usize),
}

/// Reads one reply.
///
/// # Errors
/// The connection breaks or ends, the bytes are no reply, or the reply is too large.
pub async fn read<R: AsyncBufRead + Unpin>(from: &mut R, limits: Limits) -> Result<Reply, Unfit> {
    let mut left_bytes = limits.reply_bytes;
    // Lists that are not whole yet, each with the number of values that it lacks.
    let mut open: Vec<(usize, Vec<Reply>)> = Vec::new();
    loop {
        left_bytes = less(left_bytes, VALUE_BYTES, limits)?;
        let mut whole = match begun(from, limits, &mut left_bytes).await? {
            Begun::Whole(reply) => reply,
            Begun::List(0) => Reply::List(Vec::new()),
            Begun::List(lacks) if open.len() < DEPTH_MAX => {
                open.push((lacks, Vec::new()));
                continue;
            }
            Begun::List(_) => return Err(Unfit::Garbled(format!("lists within {DEPTH_MAX} lists"))),
        };
        loop {
            let Some((lacks, mut values)) = open.pop() else {
                return Ok(whole);
            };
            values.push(whole);
            if lacks > 1 {
                open.push((lacks - 1, values));
                break;
            }
            whole = Reply::List(values);
        }
    }
}

async fn begun<R: AsyncBufRead + Unpin>(from: &mut R, limits: Limits, left_bytes: &mut usize) -> Result<Begun, Unfit> {
    let line = line(from).await?;
    let garbled = || Unfit::Garbled(line.clone());
    let rest = line.get(1..).unwrap_or_default();
    let number = || rest.parse::<i64>().map_err(|_| garbled());
    let reply = match line.as_bytes().first() {
        Some(b'+') => Reply::Line(rest.to_owned()),
        Some(b'-') => Reply::Refused(rest.to_owned()),
        Some(b':') => Reply::Number(number()?),
        Some(b'$' | b'*') if rest == "-1" => Reply::Nothing,
        Some(b'$') => {
            text(
                from,
                u64::try_from(number()?).map_err(|_| garbled())?,
                limits,
                left_bytes,
            )
            .await?
        }
        Some(b'*') => return Ok(Begun::List(usize::try_from(number()?).map_err(|_| garbled())?)),
        _ => return Err(garbled()),
    };
    if let Reply::Line(text) | Reply::Refused(text) = &reply {
        *left_bytes = less(*left_bytes, text.len(), limits)?;
    }
    Ok(Begun::Whole(reply))
}

/// A text of so many bytes, and the end of its line.
async fn text<R: AsyncBufRead + Unpin>(
    from: &mut R,
    bytes: u64,
    limits: Limits,
    left_bytes: &mut usize,
) -> Result<Reply, Unfit> {
    let reply = match usize::try_from(bytes) {
        Ok(short) if short <= limits.text_bytes => {
            *left_bytes = less(*left_bytes, short, limits)?;
            let mut text = vec![0; short];
            from.read_exact(&mut text).await.map_err(ended)?;
            Reply::Text(text)
        }
        _ => {
            let passed = tokio::io::copy_buf(&mut (&mut *from).take(bytes), &mut tokio::io::sink()).await?;
            if passed < bytes {
                return Err(Unfit::Ended);
            }
            Reply::TooLong(bytes)
        }
    };
    let mut end = [0; 2];
    from.read_exact(&mut end).await.map_err(ended)?;
    if end == *b"\r\n" {
        Ok(reply)
    } else {
        Err(Unfit::Garbled(format!("a text of over {bytes} bytes")))
    }
}

/// A line without its end.
async fn line<R: AsyncBufRead + Unpin>(from: &mut R) -> Result<String, Unfit> {
    let mut line = Vec::new();
    (&mut *from).take(LINE_MAX).read_until(b'\n', &mut line).await?;
    let text = String::from_utf8_lossy(&line);
    match text.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None if text.ends_with('\n') => Err(Unfit::Garbled(text.trim_end().to_owned())),
        None if line.len() as u64 == LINE_MAX => Err(Unfit::Garbled(format!("a line of over {LINE_MAX} bytes"))),
        None => Err(Unfit::Ended),
    }
}

fn less(left_bytes: usize, by: usize, limits: Limits) -> Result<usize, Unfit> {
    left_bytes.checked_sub(by).ok_or(Unfit::TooLarge(limits.reply_bytes))
}

fn ended(error: io::Error) -> Unfit {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Unfit::Ended,
        _ => Unfit::Broken(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        text_bytes: 8,
        reply_bytes: 1000,
    };

    /// The replies in some bytes, and what is wrong behind them.
    async fn replies(mut bytes: &[u8]) -> (Vec<Reply>, String) {
        let mut replies = Vec::new();
        loop {
            match read(&mut bytes, LIMITS).await {
                Ok(reply) => replies.push(reply),
                Err(e) => return (replies, e.to_string()),
            }
        }
    }

    #[tokio::test]
    async fn replies_of_every_kind_are_read_one_by_one() {
        let bytes =
            b"+OK\r\n-ERR no\r\n:-7\r\n$2\r\n\r\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n*1\r\n$1\r\na\r\n:1\r\n";
        let (replies, end) = replies(bytes).await;
        let text = |text: &[u8]| Reply::Text(text.to_vec());
        let expected = [
            Reply::Line("OK".to_owned()),
            Reply::Refused("ERR no".to_owned()),
            Reply::Number(-7),
            text(b"\r\n"),
            text(b""),
            Reply::Nothing,
            Reply::Nothing,
            Reply::List(Vec::new()),
            Reply::List(vec![Reply::List(vec![text(b"a")]), Reply::Number(1)]),
        ];
        assert_eq!(replies, expected);
        assert_eq!(end, "the answer broke off");
    }

    #[tokio::test]
    async fn a_long_text_is_passed_over() {
        let (replies, _) = replies(b"*2\r\n$9\r\n123456789\r\n$8\r\n12345678\r\n").await;
        let short = Reply::Text(b"12345678".to_vec());
        assert_eq!(replies, [Reply::List(vec![Reply::TooLong(9), short])]);
    }

    #[tokio::test]
    async fn no_more_is_held_than_the_limit() {
        let endless = format!("*4000000000\r\n{}", "$8\r\n12345678\r\n".repeat(100));
        for bytes in [
            endless.as_str(),
            &"*1\r\n".repeat(100),
            &format!("+{}\r\n", "x".repeat(1000)),
        ] {
            let (replies, end) = replies(bytes.as_bytes()).await;
            assert_eq!(replies, []);
            let is_known = end == "an answer of over 1000 bytes" || end.contains("lists within 8 lists");
            assert!(is_known, "{end}");
        }
        let (_, end) = replies(&vec![b'+'; 70_000]).await;
        assert!(end.contains("a line of over 65536 bytes"), "{end}");
    }

    #[tokio::test]
    async fn what_is_no_reply_is_quoted() {
        for (bytes, expected) in [
            ("\r\n", "an answer of another kind: \"\""),
            ("HTTP/1.1 400\r\n", "an answer of another kind: \"HTTP/1.1 400\""),
            (":x\r\n", "an answer of another kind: \":x\""),
            ("$-2\r\n", "an answer of another kind: \"$-2\""),
            ("*-2\r\n", "an answer of another kind: \"*-2\""),
            ("$1\r\nabc", "an answer of another kind: \"a text of over 1 bytes\""),
            ("+OK\n", "an answer of another kind: \"+OK\""),
            ("+O", "the answer broke off"),
            ("$3\r\nab", "the answer broke off"),
            ("$9\r\n1234", "the answer broke off"),
            ("", "the answer broke off"),
        ] {
            assert_eq!(
                replies(bytes.as_bytes()).await,
                (Vec::new(), expected.to_owned()),
                "{bytes}"
            );
        }
    }
}

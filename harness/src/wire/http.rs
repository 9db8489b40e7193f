//! The HTTP client for requests to parts, and bodies that are read up to a bound.

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};

/// A client without proxies and redirects. A proxy of the environment cannot reach this machine's ports, and a redirect could
/// name any host.
pub(crate) fn client() -> ClientBuilder {
    Client::builder().no_proxy().redirect(Policy::none()).tcp_nodelay(true)
}

/// The first `most` bytes of a body, and whether it is longer. The rest is not read.
///
/// # Errors
/// The body breaks off, or does not come in the client's time.
pub(crate) async fn body_up_to(answer: &mut Response, most: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(bytes) = answer.chunk().await? {
        let left = most - body.len();
        body.extend_from_slice(&bytes[..bytes.len().min(left)]);
        if bytes.len() > left {
            return Ok((body, true));
        }
    }
    Ok((body, false))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// The client's result if a server answers one request with these bytes.
    async fn answered(answer: String) -> Response {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _request = stream.read(&mut [0; 1024]).await;
            // A client that has read enough goes away.
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let client = client().build().expect("a client");
        client.get(format!("http://{at}/")).send().await.expect("an answer")
    }

    #[tokio::test]
    async fn nobody_is_sent_elsewhere_and_no_body_is_read_beyond_what_is_wanted() {
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let to = elsewhere.local_addr().expect("its address");
        let long = "x".repeat(1 << 20);
        let head = format!(
            "HTTP/1.1 302 Found\r\nlocation: http://{to}/\r\ncontent-length: {}\r\n\r\n",
            long.len()
        );
        let mut answer = answered(head + &long).await;
        assert_eq!(answer.status(), 302);
        let (body, is_cut) = body_up_to(&mut answer, 100).await.expect("its beginning");
        assert_eq!((body.len(), is_cut), (100, true));
        let came = futures_util::FutureExt::now_or_never(elsewhere.accept());
        assert!(came.is_none(), "{came:?}");
    }

    #[tokio::test]
    async fn a_body_that_is_just_as_long_is_whole() {
        let mut answer = answered("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody".to_owned()).await;
        let whole = body_up_to(&mut answer, 4).await.expect("a body");
        assert_eq!(whole, (b"body".to_vec(), false));
    }
}

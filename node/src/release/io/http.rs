//! Reads a repository from a web server: plain HTTP/1.1, since what is fetched carries its own signatures.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_RANGE, HOST, HeaderMap, LOCATION, RANGE, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tough::{Bytes, TransportError, TransportErrorKind};
use url::{Host, Position, Url};

use super::fetch::{Patience, Sink, broken, missing};
use crate::release::Refusal;
use crate::release::floor::{Slow, Waiting};

/// As many as browsers follow for a good reason.
const REDIRECTS: usize = 5;

/// Bounds an answer's head, and a chunk of its body.
const BUFFER: usize = 64 * 1024;

const AGENT: &str = concat!("mesh-node/", env!("CARGO_PKG_VERSION"));

/// Sends a file's bytes from `from` on.
pub(super) async fn send(
    url: &Url,
    from: u64,
    patience: Patience,
    sink: &Sink,
) -> Result<(), TransportError> {
    let answer = follow(url, from, patience).await?;
    // A server without ranges begins at the beginning.
    let mut skip = match answer.status() {
        StatusCode::PARTIAL_CONTENT if begins_at(answer.headers(), from) => 0,
        StatusCode::OK => from,
        status => return Err(broken(url, format!("answered {status} to a range from {from}"))),
    };
    let mut body = answer.into_body();
    let mut waiting = Waiting::new(patience.floor);
    loop {
        let asked = Instant::now();
        let frame = within(url, patience.idle, body.frame()).await?;
        let waited = asked.elapsed();
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.map_err(|error| broken(url, error))?;
        let mut chunk = frame.into_data().unwrap_or_default();
        let came = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        waiting.took(waited, came).map_err(|slow| held_up(url, slow))?;
        let skipped = chunk.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
        let rest = chunk.split_off(skipped);
        skip = skip.saturating_sub(u64::try_from(skipped).unwrap_or(u64::MAX));
        if !rest.is_empty() && sink.send(Ok(rest)).await.is_err() {
            return Ok(());
        }
    }
}

fn held_up(url: &Url, slow: Slow) -> TransportError {
    let Slow { came, waited, least } = slow;
    broken(url, Refusal::SlowRetrieval { url: url.to_string(), came, waited, least })
}

/// Asks, and asks where it is sent to, until there is an answer of substance.
async fn follow(
    url: &Url,
    from: u64,
    patience: Patience,
) -> Result<Response<Incoming>, TransportError> {
    let mut at = url.clone();
    for _ in 0..=REDIRECTS {
        if at.scheme() != "http" {
            return Err(TransportError::new(TransportErrorKind::UnsupportedUrlScheme, &at));
        }
        let answer = ask(&at, from, patience).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => return Ok(answer),
            // Object stores answer 403 for what is not there to whoever may not list.
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => {
                return Err(missing(url));
            }
            status if status.is_redirection() => at = next(&at, answer.headers())?,
            status => return Err(broken(url, format!("the server answers {status}"))),
        }
    }
    Err(broken(url, format!("more than {REDIRECTS} redirects")))
}

async fn ask(
    url: &Url,
    from: u64,
    patience: Patience,
) -> Result<Response<Incoming>, TransportError> {
    let stream = within(url, patience.connect, connect(url)).await?;
    let stream = stream.map_err(|error| broken(url, error))?;
    let mut http = http1::Builder::new();
    http.max_buf_size(BUFFER);
    let opened = http.handshake(TokioIo::new(stream)).await;
    let (mut requests, connection) = opened.map_err(|error| broken(url, error))?;
    tokio::spawn(async move {
        // Whoever reads the body is told.
        let _ = connection.await;
    });
    let mut request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, AGENT);
    if from > 0 {
        request = request.header(RANGE, format!("bytes={from}-"));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| broken(url, error))?;
    let answer = within(url, patience.idle, requests.send_request(request)).await?;
    answer.map_err(|error| broken(url, error))
}

async fn connect(url: &Url) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(80);
    match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(io::Error::new(io::ErrorKind::InvalidInput, "the address names no host")),
    }
}

async fn within<F: Future>(
    url: &Url,
    patience: Duration,
    done: F,
) -> Result<F::Output, TransportError> {
    let late = |_| broken(url, format!("nothing came for {patience:?}"));
    timeout(patience, done).await.map_err(late)
}

fn next(at: &Url, headers: &HeaderMap) -> Result<Url, TransportError> {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| broken(at, "a redirect to nowhere"))?;
    at.join(location).map_err(|error| broken(at, error))
}

/// Tells whether a part starts where it was asked to: `bytes 100-199/200`.
fn begins_at(headers: &HeaderMap, from: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let start = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-'));
    start.is_some_and(|(start, _)| start.trim().parse() == Ok(from))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn part_counts_only_if_it_starts_where_it_was_asked_to() {
        for (range, begins) in [
            ("bytes 100-199/200", true),
            ("bytes 0-199/200", false),
            ("bytes */200", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, HeaderValue::from_static(range));

            assert_eq!(begins_at(&headers, 100), begins, "{range}");
        }
        assert!(!begins_at(&HeaderMap::new(), 100));
    }
}

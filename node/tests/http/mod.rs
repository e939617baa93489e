//! A web server, good or bad, of any test that needs one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// How a server treats what lies under `targets/`; it serves all else as it should.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "each program of tests meets some of the bad ones")]
pub(crate) enum Manner {
    /// As it should.
    Good,
    /// From the beginning, whatever range was asked for.
    Whole,
    /// So many bytes of each answer, and then the connection ends.
    Dies(usize),
    /// So many bytes of each answer, and then nothing more.
    Stops(usize),
    /// A byte at a time, with this pause after each.
    Trickles(Duration),
    /// Zeros for ever.
    Endless,
    /// Takes the question and says nothing.
    Silent,
    /// Sends everybody on.
    Elsewhere(String),
    /// With a status of its own.
    Says(&'static str),
}

pub(crate) struct Server {
    url: Url,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(folder: PathBuf, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (folder, manner, log) = (folder.clone(), manner.clone(), Arc::clone(&log));
                tokio::spawn(async move { answer(stream, &folder, &manner, &log).await });
            }
        });
        Self { url: url.parse().unwrap(), asked }
    }

    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }

    /// The ranges that were asked for under `targets/`.
    pub(crate) fn ranges(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    mut stream: TcpStream,
    folder: &Path,
    manner: &Manner,
    log: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split_whitespace().nth(1).unwrap();
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="));
    if !path.starts_with("/targets/") {
        return send(&mut stream, folder, path, None, usize::MAX).await;
    }
    log.lock().unwrap().push(range.unwrap_or("none").to_owned());
    match manner {
        Manner::Good => send(&mut stream, folder, path, range, usize::MAX).await,
        Manner::Whole => send(&mut stream, folder, path, None, usize::MAX).await,
        Manner::Dies(after) => send(&mut stream, folder, path, range, *after).await,
        Manner::Stops(after) => {
            send(&mut stream, folder, path, range, *after).await?;
            std::future::pending().await
        }
        Manner::Trickles(pause) => trickle(&mut stream, folder, path, *pause).await,
        Manner::Silent => std::future::pending().await,
        Manner::Says(status) => say(&mut stream, status, "").await,
        Manner::Elsewhere(to) => {
            say(&mut stream, "302 Found", &format!("location: {to}\r\n")).await
        }
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(&[0; 4096]).await.ok()?;
            }
        }
    }
}

async fn trickle(stream: &mut TcpStream, folder: &Path, path: &str, pause: Duration) -> Option<()> {
    let mut tick = tokio::time::interval(pause);
    let bytes = std::fs::read(folder.join(path.trim_start_matches('/'))).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    for byte in bytes {
        tick.tick().await;
        stream.write_all(&[byte]).await.ok()?;
    }
    Some(())
}

async fn send(
    stream: &mut TcpStream,
    folder: &Path,
    path: &str,
    range: Option<&str>,
    most: usize,
) -> Option<()> {
    let Ok(bytes) = std::fs::read(folder.join(path.trim_start_matches('/'))) else {
        return say(stream, "404 Not Found", "").await;
    };
    let from: usize = range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    let (status, last) = (if range.is_some() { "206 Part" } else { "200 OK" }, bytes.len() - 1);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{last}/{}\r\n\r\n",
        bytes.len() - from,
        bytes.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let sent = &bytes[from..bytes.len().min(from.saturating_add(most))];
    stream.write_all(sent).await.ok()
}

async fn say(stream: &mut TcpStream, status: &str, fields: &str) -> Option<()> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.ok()
}

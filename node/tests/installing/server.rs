//! A web server on a bad line.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// What becomes of a file under `targets/`; all else is served as it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// It is served.
    Good,
    /// So many bytes of each answer come, and then the connection ends.
    Dies(usize),
    /// So many bytes of the first answer come, and then nothing more.
    Stops(usize),
}

pub(crate) struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(folder: PathBuf, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (folder, log) = (folder.clone(), Arc::clone(&log));
                tokio::spawn(async move { answer(stream, &folder, manner, &log).await });
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self) -> Url {
        self.address.parse().unwrap()
    }

    /// The ranges that were asked for under `targets/`.
    pub(crate) fn ranges(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    mut stream: TcpStream,
    folder: &Path,
    manner: Manner,
    log: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split_whitespace().nth(1).unwrap().trim_start_matches('/');
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="));
    let from: usize = range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    let Ok(file) = std::fs::read(folder.join(path)) else {
        let missing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        return stream.write_all(missing).await.ok();
    };
    let mut most = usize::MAX;
    if path.starts_with("targets/") {
        log.lock().unwrap().push(range.unwrap_or("none").to_owned());
        if let Manner::Dies(after) | Manner::Stops(after) = manner {
            most = after;
        }
    }
    let status = if range.is_some() { "206 Part" } else { "200 OK" };
    let (left, last, length) = (file.len() - from, file.len() - 1, file.len());
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {left}\r\ncontent-range: bytes {from}-{last}/{length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&file[from..length.min(from.saturating_add(most))]).await.ok()?;
    if most < left && matches!(manner, Manner::Stops(_)) {
        std::future::pending::<()>().await;
    }
    Some(())
}

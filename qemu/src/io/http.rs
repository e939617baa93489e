//! A web server of plain files on the host's loopback, that can be told to die.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;

use crate::http::{not_found, parse};

/// Larger heads are no request for a file.
const LONGEST_HEAD: u64 = 16 << 10;

/// A client that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// Bytes sent at a time: what a death in the middle is exact to.
const PIECE: usize = 16 << 10;

/// Without a limit.
const ALL: i64 = i64::MAX;

/// A server; it stops with this value.
#[derive(Debug)]
pub struct FileServer {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    directory: Mutex<PathBuf>,
    /// What may still be sent.
    left: AtomicI64,
    /// What has been sent of files.
    sent: AtomicU64,
    stopped: AtomicBool,
}

impl FileServer {
    /// Serves a directory on a free port.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            directory: Mutex::new(directory.into()),
            left: AtomicI64::new(ALL),
            sent: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        let thread = Some(thread::spawn(move || accept(&listener, &served)));
        Ok(Self { port, shared, thread })
    }

    /// Returns the address at which a guest reaches it.
    pub fn url(&self) -> String {
        format!("http://10.0.2.2:{}", self.port)
    }

    /// Serves another directory from now on.
    pub fn serve(&self, directory: &Path) {
        *self.shared.directory.lock().unwrap_or_else(PoisonError::into_inner) = directory.into();
    }

    /// Dies after so many more bytes, in the middle of what is being sent then.
    pub fn die_after(&self, bytes: u32) {
        self.shared.left.store(bytes.into(), Ordering::SeqCst);
    }

    /// Lives again.
    pub fn revive(&self) {
        self.shared.left.store(ALL, Ordering::SeqCst);
    }

    /// Returns whether it has died.
    pub fn is_dead(&self) -> bool {
        self.shared.left.load(Ordering::SeqCst) <= 0
    }

    /// Returns how many bytes of files it has sent.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for the next client.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming().map_while(Result::ok) {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        // What hangs up at once is, to a client, as dead as what is not there.
        if shared.left.load(Ordering::SeqCst) > 0 {
            let shared = Arc::clone(shared);
            thread::spawn(move || answer(&client, &shared));
        }
    }
}

/// Answers one client; whatever goes wrong is the client's to notice.
fn answer(mut client: &TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(SILENCE))?;
    let mut head = String::new();
    let mut lines = BufReader::new(client.take(LONGEST_HEAD));
    while lines.read_line(&mut head)? > 2 {}
    let Some(request) = parse(&head) else {
        return client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    };
    let directory = shared.directory.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let path = directory.join(&request.path);
    let Some(mut file) = File::open(&path).ok().filter(|_| path.is_file()) else {
        return client.write_all(not_found().as_bytes());
    };
    let (head, body) = request.answer(file.metadata()?.len());
    client.write_all(head.as_bytes())?;
    file.seek(SeekFrom::Start(body.start))?;
    let mut file = file.take(body.end - body.start);
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        let wanted = i64::try_from(length).unwrap_or(ALL);
        let left = shared.left.load(Ordering::SeqCst);
        let allowed = if left == ALL { wanted } else { wanted.min(left.max(0)) };
        if left != ALL {
            shared.left.fetch_sub(allowed, Ordering::SeqCst);
        }
        let allowed = usize::try_from(allowed).unwrap_or(0);
        client.write_all(piece.get(..allowed).unwrap_or_default())?;
        shared.sent.fetch_add(allowed as u64, Ordering::SeqCst);
        if allowed == 0 || allowed < length {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(server: &FileServer, range: &str) -> String {
        let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        client.write_all(format!("GET /file HTTP/1.1\r\n{range}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer);
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_file_is_served_whole_in_part_and_after_a_death_no_more() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("file"), "0123456789").unwrap();
        let server = FileServer::start(directory.path()).unwrap();

        assert_eq!(get(&server, ""), "0123456789");
        assert_eq!(get(&server, "Range: bytes=4-\r\n"), "456789");
        server.die_after(3);
        assert_eq!(get(&server, ""), "012");
        assert!(server.is_dead());
        assert_eq!(get(&server, ""), "");
        server.revive();
        assert_eq!(get(&server, ""), "0123456789");
        assert_eq!(server.sent(), 29);
    }
}

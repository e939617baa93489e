//! Asks a running QEMU over its control socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::qmp::{Line, Request, read};

/// QEMU answers from its main loop: longer than this and it hangs.
const ANSWER: Duration = Duration::from_secs(10);

/// Makes one request on a connection of its own.
pub(super) fn ask(socket: &Path, request: &Request) -> anyhow::Result<Value> {
    let stream = UnixStream::connect(socket)
        .with_context(|| format!("connecting to {}", socket.display()))?;
    stream.set_read_timeout(Some(ANSWER))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    converse(&stream, &mut lines, &Request::Negotiate)?;
    converse(&stream, &mut lines, request)
}

fn converse(
    mut stream: &UnixStream,
    lines: &mut BufReader<UnixStream>,
    request: &Request,
) -> anyhow::Result<Value> {
    stream.write_all(request.line().as_bytes())?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).with_context(|| format!("asking QEMU for {request:?}"))? == 0
        {
            bail!("QEMU closed its control socket before it answered {request:?}");
        }
        match read(&line) {
            Line::Return(value) => return Ok(value),
            Line::Error(reason) => bail!("QEMU refused {request:?}: {reason}"),
            Line::Other => {}
        }
    }
}

//! Runs the real `spire-server` on the host's loopback.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::lab::Lab;
use super::process::Process;
use super::waiting;
use crate::patience::{Seen, Slowness};
use crate::spire::{Enrolment, JoinToken, Seat, TrustDomain, server_config};

/// A server starts in a second or two.
const START: Duration = Duration::from_secs(60);

/// Time that a server is given to end by itself.
const STOP: Duration = Duration::from_secs(10);

/// How long a join token can be used: longer than any lab boots.
const TOKEN_TTL: Duration = Duration::from_secs(3600);

/// A SPIRE server; it is stopped in order when this value goes.
#[derive(Debug)]
pub struct SpireServer {
    program: PathBuf,
    domain: TrustDomain,
    seat: Seat,
    slowness: Slowness,
    process: Option<Process>,
}

impl SpireServer {
    /// Starts a server for a trust domain, on a free port and with a directory in the lab's.
    pub fn start(lab: &Lab<'_>, domain: TrustDomain) -> anyhow::Result<Self> {
        let directory = lab.directory().join(format!("spire-{}", domain.name));
        fs::create_dir_all(&directory)
            .with_context(|| format!("making {}", directory.display()))?;
        let seat = Seat {
            port: free_port()?,
            socket: lab.sockets().join(format!("{}.spire", domain.name)),
            directory,
        };
        fs::write(seat.config(), server_config(&domain, &seat))
            .with_context(|| format!("writing {}", seat.config().display()))?;
        let program = lab.site().spire_server.clone();
        let slowness = lab.site().slowness;
        let mut server = Self { program, domain, seat, slowness, process: None };
        server.start_again()?;
        Ok(server)
    }

    /// Starts a stopped server with the same data and on the same port; a running one stays.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        let config = self.seat.config().display().to_string();
        let log = self.seat.log();
        let mut process = Process::start(&self.program, ["run", "-config", &config], &log)?;
        let what = format!("the SPIRE server of {}", self.domain.name);
        let healthy = waiting::until(&what, self.slowness.stretch(START), || {
            if let Some(status) = process.ended() {
                return Ok(Seen::Yes(Err(status)));
            }
            self.ask(&["healthcheck"], "").map(|_| Seen::Yes(Ok(())))
        })
        .with_context(|| format!("see {}", log.display()))?;
        if let Err(status) = healthy {
            bail!("{} ended with {status}, see {}", self.program.display(), log.display());
        }
        self.process = Some(process);
        Ok(())
    }

    /// Stops the server in order; its data stays.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate(self.slowness.stretch(STOP));
        }
    }

    /// Returns the port on the host's loopback, which a guest reaches at 10.0.2.2.
    pub fn port(&self) -> u16 {
        self.seat.port
    }

    /// Returns the trust domain that is served.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// Makes a join token for a node and the entry that gives it the SPIFFE ID `/node/<name>`.
    pub fn enrol(&self, node: &str) -> anyhow::Result<Enrolment> {
        let ttl = TOKEN_TTL.as_secs().to_string();
        let join_token = JoinToken::parse(&self.ask(&["token", "generate", "-ttl", &ttl], "")?)
            .context("spire-server printed no join token")?;
        let entry = self.domain.entry(node, &join_token);
        self.ask(&["entry", "create", "-data", "-"], &entry)
            .with_context(|| format!("making the entry of {node}"))?;
        let bundle_pem = self.ask(&["bundle", "show", "-format", "pem"], "")?;
        Ok(Enrolment {
            trust_domain: self.domain.name.clone(),
            port: self.seat.port,
            join_token,
            bundle_pem,
        })
    }

    /// Runs the server's own tool against it and returns what it printed.
    fn ask(&self, command: &[&str], input: &str) -> anyhow::Result<String> {
        // Flags stand behind the command, which is one or two words.
        let words = command.iter().take_while(|word| !word.starts_with('-')).count();
        let (words, flags) = command.split_at(words);
        let mut child = Command::new(&self.program)
            .args(words)
            .arg("-socketPath")
            .arg(&self.seat.socket)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("running {}", self.program.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            // The tool's complaint may quote its input, which holds a token.
            bail!("`spire-server {}` ended with {}", words.join(" "), output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for SpireServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Finds a port that is free now. The server binds it a moment later.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

//! An installation from its beginning to its end, over as many attempts as it takes.

use std::pin::pin;
use std::time::Duration;

use image::io::slots::Slots;
use image::update::{Digest, Header, Target};
use tokio::time::sleep;
use tough::Bytes;

use super::Installing;
use super::desk::Seat;
use super::memory::Memory;
use super::source::Stream;
use super::writer::Writer;
use crate::config::{Hours, Rate};
use crate::install::bucket::Bucket;
use crate::install::journal::{Insists, Journal, Mode, Source};
use crate::install::progress::Meter;
use crate::install::refusal::Refusal;
use crate::install::retry::{Failure, Retry};
use crate::install::window::Window;
use crate::io::clock::{uptime, wall};
use crate::io::{clock_trust, host};
use crate::proto::image::{Progress, Stage};
use crate::trial::record::Installed;

/// Clocks may be set while one waits for an hour.
const LOOK: Duration = Duration::from_secs(60);

/// Who watches sees something this often, whether bytes come or not.
const GLANCE: Duration = Duration::from_millis(500);

/// What is to be done.
pub(super) struct Job {
    pub(super) slots: Slots,
    pub(super) target: Target,
    pub(super) mode: Mode,
    pub(super) insists: Insists,
    /// What an earlier boot began with.
    pub(super) begun: Option<crate::release::Target>,
    pub(super) limits: Limits,
    pub(super) memory: Memory,
}

/// What a download may take.
pub(super) struct Limits {
    pub(super) rate: Option<Rate>,
    pub(super) hours: Option<Hours>,
}

/// How an attempt ended.
enum Ended {
    Complete,
    HoursOver,
}

/// What lasts from one attempt to the next.
struct Work<'a> {
    job: &'a Job,
    installing: &'a Installing,
    seat: &'a Seat,
    source: Option<Source>,
    begun: Option<&'a crate::release::Target>,
    writer: Option<Writer>,
    meter: Meter,
    bucket: Bucket,
}

impl Job {
    /// Installs, and tells the end.
    pub(super) async fn run(
        &self,
        installing: &Installing,
        source: Option<Source>,
        seat: &Seat,
    ) -> Result<Progress, Refusal> {
        let now = uptime();
        let meter = Meter::new(Some(self.target.slot), now);
        let bucket = Bucket::new(self.limits.rate, now);
        let begun = self.begun.as_ref();
        let mut work =
            Work { job: self, installing, seat, source, begun, writer: None, meter, bucket };
        let outcome = work.run().await;
        if let Err(refusal) = &outcome
            && refusal.failure() == Failure::Final
        {
            self.memory.forget_journal();
        }
        outcome
    }
}

impl Work<'_> {
    async fn run(&mut self) -> Result<Progress, Refusal> {
        let mut retry = Retry::new(self.installing.settings.waits);
        loop {
            self.wait_for_hours().await?;
            let refusal = match self.attempt().await {
                Ok(Ended::Complete) => break,
                Ok(Ended::HoursOver) => continue,
                Err(refusal) => refusal,
            };
            let reached = self.writer.as_ref().map_or(0, Writer::done);
            let watches = self.job.mode == Mode::Attended && self.seat.is_watched();
            let wait = retry.after(refusal.failure(), reached, watches, host::jitter());
            let Some(wait) = wait else { return Err(refusal) };
            tracing::debug!(refusal = refusal.in_full(), ?wait, "tried again");
            let again = format!("{}; again in {} s", refusal.in_full(), wait.as_secs().max(1));
            self.seat.show(self.meter.wait(again, uptime()));
            sleep(wait).await;
            if refusal.asks_for_another() {
                self.look_for_another();
            }
        }
        self.finish().await
    }

    /// What the repository has now may be something else.
    fn look_for_another(&mut self) {
        if let Some(Source::Release { .. }) = self.source {
            (self.source, self.begun, self.writer) = (None, None, None);
        }
    }

    async fn wait_for_hours(&mut self) -> Result<(), Refusal> {
        loop {
            let window = Window::look(self.job.limits.hours, clock_trust::clock());
            let wait = match window {
                Window::Open => return Ok(()),
                Window::Shut { opens_in } => opens_in.min(LOOK),
                Window::Unknown if self.job.mode == Mode::Attended => {
                    return Err(Refusal::ClockNotTrusted);
                }
                Window::Unknown => LOOK,
            };
            self.seat.show(self.meter.wait(window.to_string(), uptime()));
            sleep(wait).await;
        }
    }

    async fn attempt(&mut self) -> Result<Ended, Refusal> {
        let source = match &self.source {
            Some(source) => source.clone(),
            None => self.choose().await?,
        };
        let from = self.writer.as_ref().map_or(0, Writer::offset);
        let mut stream = self.open(&source, from)?;
        if self.writer.is_none() {
            stream = self.begin(stream, &source).await?;
        }
        self.receive(stream).await
    }

    fn open(&self, source: &Source, from: u64) -> Result<Stream, Refusal> {
        let client = match source {
            Source::Release { .. } => Some(self.installing.releases()?),
            Source::UnsignedFile { .. } => None,
        };
        Stream::open(source, client.as_ref(), from)
    }

    /// Asks the repository for this router's update.
    async fn choose(&mut self) -> Result<Source, Refusal> {
        self.seat.show(self.meter.enter(Stage::Asking, 0, uptime()));
        let update = self.installing.ask(self.begun).await?.update;
        let running = || self.job.target.running.clone();
        let target = Box::new(update.ok_or_else(|| Refusal::UpToDate(running()))?);
        let source = Source::Release { target };
        self.source = Some(source.clone());
        Ok(source)
    }

    /// Reads the header and prepares the slot; returns the rest of the file from where it is needed.
    async fn begin(&mut self, mut stream: Stream, source: &Source) -> Result<Stream, Refusal> {
        let signed = match source {
            Source::Release { target } => Some(Digest(target.custom.header_sha256.0)),
            Source::UnsignedFile { .. } => None,
        };
        let mut start = Vec::new();
        let header = loop {
            let bytes = stream.next().await?.ok_or(Refusal::TooShort)?;
            start.extend_from_slice(&bytes);
            self.hold_back(&bytes).await;
            if let Some(header) = Header::begin(&start, signed)? {
                break header;
            }
        };
        self.seat.show(self.meter.enter(Stage::Resuming, 0, uptime()));
        let job = self.job;
        let mut journal = Journal::new(source.clone(), job.target.slot, job.mode);
        journal.insists = job.insists;
        let writer = Writer::begin(
            job.slots.clone(),
            header,
            job.target.clone(),
            journal,
            job.memory.clone(),
            self.seat.clone(),
        );
        let writer = writer.await?;
        self.meter.learn(writer.version().to_owned(), writer.total());
        let offset = writer.offset();
        self.writer = Some(writer);
        match usize::try_from(offset).ok().and_then(|offset| start.get(offset..)) {
            Some(rest) => {
                self.feed(Bytes::copy_from_slice(rest)).await?;
                Ok(stream)
            }
            None => self.open(source, offset),
        }
    }

    async fn receive(&mut self, mut stream: Stream) -> Result<Ended, Refusal> {
        let done = self.writer.as_ref().map_or(0, Writer::done);
        self.seat.show(self.meter.enter(Stage::Receiving, done, uptime()));
        while !self.writer.as_ref().is_none_or(Writer::is_complete) {
            if Window::look(self.job.limits.hours, clock_trust::clock()) != Window::Open {
                return Ok(Ended::HoursOver);
            }
            let bytes = self.next(&mut stream).await?.ok_or(Refusal::TooShort)?;
            self.feed(bytes.clone()).await?;
            self.hold_back(&bytes).await;
        }
        Ok(Ended::Complete)
    }

    /// Waits for the next bytes; a line that has stalled is seen to have.
    async fn next(&mut self, stream: &mut Stream) -> Result<Option<Bytes>, Refusal> {
        let mut next = pin!(stream.next());
        loop {
            tokio::select! {
                bytes = &mut next => return bytes,
                () = sleep(GLANCE) => self.glance(),
            }
        }
    }

    fn glance(&mut self) {
        let done = self.writer.as_ref().map_or(0, Writer::done);
        if let Some(told) = self.meter.reach(done, uptime()) {
            self.seat.show(told);
        }
    }

    async fn feed(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let (writer, outcome) = writer.feed(bytes).await?;
        self.writer = Some(writer);
        self.glance();
        outcome
    }

    /// Waits as long as the rate wants it after these bytes.
    async fn hold_back(&mut self, bytes: &Bytes) {
        let wait = self.bucket.take(bytes.len() as u64, uptime());
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    async fn finish(&mut self) -> Result<Progress, Refusal> {
        let writer = self.writer.take().ok_or(Refusal::TooShort)?;
        self.seat.show(self.meter.enter(Stage::ReadingBack, 0, uptime()));
        let journal = writer.finish(self.meter.clone()).await?;
        let slot = self.job.target.slot;
        self.job.memory.forget_journal();
        self.job.memory.installed(Installed::new(
            slot.to_string(),
            journal.version.clone(),
            journal.header_sha256,
            wall().unix(),
        ));
        tracing::info!(%slot, version = journal.version, "update installed");
        Ok(self.meter.end(format!("slot {slot} holds {}, ready", journal.version), uptime()))
    }
}

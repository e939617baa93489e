//! The image's API: turns calls into what is asked of the loop and of the installing beside it.

use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use image::slot::Slot;
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::Channel;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Code, Request, Response, Status};

use super::api;
use super::installing::{Installing, Progresses, Settings, Wish};
use crate::config::Update;
use crate::install::journal::Insists;
use crate::install::refusal::{Blame, Refusal};
use crate::install::told;
use crate::proto::image::image_client::ImageClient;
use crate::proto::image::image_server::Image;
use crate::proto::image::{
    ActivateRequest, Available, CancelRequest, ConfirmRequest, FetchRequest, ImageStatus,
    InstallRequest, Outcome, Progress, RollbackRequest, StatusRequest, VerifyRequest,
};
use crate::trial::request::{Ends, Requests, Told};

/// Serves calls about the image.
#[derive(Clone, Debug)]
pub struct ImageApi {
    installing: Arc<Installing>,
    requests: Requests,
    told: watch::Receiver<Told>,
}

impl ImageApi {
    /// Serves what is installed beside the loop, and what the loop does and tells.
    pub fn new(installing: Arc<Installing>, ends: Ends) -> Self {
        Self { installing, requests: ends.requests, told: ends.told }
    }

    /// Serves this machine's slots, and starts what is installed by itself.
    pub fn of_machine(ends: Ends, update: &Update) -> Self {
        let installing = Installing::new(Settings::of_machine(update.clone()));
        installing.start();
        Self::new(installing, ends)
    }

    async fn ask(
        &self,
        request: crate::trial::request::Request,
    ) -> Result<Response<Outcome>, Status> {
        let done = self.requests.ask(request).await;
        let done = done.map_err(|not_done| status(&not_done.into()))?;
        Ok(Response::new(Outcome { told: done.told, reboots: done.reboots }))
    }
}

/// Connects to a node's API.
///
/// # Errors
/// With what to do if nobody listens.
pub async fn connect(socket: &Path) -> anyhow::Result<ImageClient<Channel>> {
    Ok(ImageClient::new(api::channel(socket).await?))
}

type ProgressStream = Pin<Box<dyn Stream<Item = Result<Progress, Status>> + Send>>;

#[tonic::async_trait]
impl Image for ImageApi {
    async fn status(
        &self,
        _request: Request<StatusRequest>,
    ) -> Result<Response<ImageStatus>, Status> {
        let told = self.told.borrow().clone();
        answer(self.installing.status(told).await)
    }

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<Available>, Status> {
        let fetched = self.installing.fetch(caller(&request)).await;
        answer(fetched.map(|available| told::available(&available)))
    }

    type InstallStream = ProgressStream;

    async fn install(
        &self,
        request: Request<InstallRequest>,
    ) -> Result<Response<ProgressStream>, Status> {
        let who = caller(&request);
        let asked = request.into_inner();
        let wish = Wish {
            background: asked.background,
            unsigned_file: asked.unsigned_file,
            insists: Insists { now: asked.now, older: asked.older, again: asked.again },
        };
        answer(self.installing.install(who, &wish).map(stream))
    }

    async fn activate(
        &self,
        request: Request<ActivateRequest>,
    ) -> Result<Response<Outcome>, Status> {
        let again = request.into_inner().again;
        self.ask(crate::trial::request::Request::Activate { again }).await
    }

    async fn confirm(
        &self,
        _request: Request<ConfirmRequest>,
    ) -> Result<Response<Outcome>, Status> {
        self.ask(crate::trial::request::Request::Confirm).await
    }

    async fn rollback(
        &self,
        _request: Request<RollbackRequest>,
    ) -> Result<Response<Outcome>, Status> {
        self.ask(crate::trial::request::Request::RollBack).await
    }

    type VerifyStream = ProgressStream;

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<ProgressStream>, Status> {
        let who = caller(&request);
        let slot = request.into_inner().slot.map(|name| name.parse::<Slot>()).transpose();
        let slot = slot.map_err(|unknown| Status::invalid_argument(unknown.to_string()))?;
        answer(self.installing.verify(who, slot).map(stream))
    }

    async fn cancel(&self, request: Request<CancelRequest>) -> Result<Response<Outcome>, Status> {
        let cancelled = self.installing.cancel();
        if let Ok(what) = &cancelled {
            tracing::info!(what, by = caller(&request), "cancelled");
        }
        answer(cancelled.map(|what| Outcome { told: format!("ended: {what}"), reboots: false }))
    }
}

fn stream(told: Progresses) -> ProgressStream {
    let told = ReceiverStream::new(told);
    Box::pin(told.map(|progress| progress.map_err(|refusal| status(&refusal))))
}

fn answer<T>(outcome: Result<T, Refusal>) -> Result<Response<T>, Status> {
    outcome.map(Response::new).map_err(|refusal| status(&refusal))
}

fn status(refusal: &Refusal) -> Status {
    let code = match refusal.blame() {
        Blame::Busy => Code::ResourceExhausted,
        Blame::Configuration => Code::FailedPrecondition,
        Blame::Request => Code::InvalidArgument,
        Blame::Network => Code::Unavailable,
        Blame::Medium => Code::DataLoss,
    };
    let advice = refusal.advice().map(|advice| format!("\n{advice}")).unwrap_or_default();
    Status::new(code, refusal.in_full() + &advice)
}

/// Says who is on the other end of the socket, as the kernel knows it.
fn caller<T>(request: &Request<T>) -> String {
    let peer = request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
    let Some(peer) = peer else { return "somebody".to_owned() };
    let user = peer.uid();
    let Some(pid) = peer.pid() else { return format!("somebody of user {user}") };
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match name.trim() {
        "" => format!("process {pid} of user {user}"),
        name => format!("{name} (process {pid}, user {user})"),
    }
}

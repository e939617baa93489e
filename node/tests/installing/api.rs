//! The service on the node's socket.

use std::path::Path;

use mesh_node::io::api;
use mesh_node::io::control::Neighbourhood;
use mesh_node::io::image_api::{self, ImageApi};
use mesh_node::io::meter::Meter;
use mesh_node::proto::image::{
    ActivateRequest, FetchRequest, InstallRequest, Stage, StatusRequest,
};
use mesh_node::proto::node;
use mesh_node::trial::request::{Done, Ends, Requests, Told};
use tokio::sync::{mpsc, watch};
use tonic::Code;

use super::publisher::Publisher;
use super::router::Router;

/// Serves a router as the loop does, with a loop that says yes to everything.
pub(crate) fn serve(router: &Router, socket: &Path) -> watch::Sender<Told> {
    let (requests, mut asked) = mpsc::channel(1);
    let (told, to_tell) = watch::channel(Told::default());
    let ends = Ends { requests: Requests(requests), told: to_tell };
    let (_, node) = watch::channel(node::Status { name: "one".to_owned(), ..Default::default() });
    let (meter, _) = Meter::new("bat0".parse().unwrap(), Neighbourhood::default());
    api::serve(socket, node, ImageApi::new(router.installing(), ends), meter).unwrap();
    tokio::spawn(async move {
        while let Some(asked) = asked.recv().await {
            let done = Done { told: format!("{:?}", asked.request), reboots: true };
            let _ = asked.answer.send(Ok(done));
        }
    });
    told
}

#[tokio::test]
async fn both_services_are_on_one_socket() {
    let publisher = Publisher::of("1.1.0");
    let router = Router::of("1.0.0", &publisher, None);
    let socket = router.path("api.sock");
    let _told = serve(&router, &socket);

    let mut node = api::connect(&socket).await.unwrap();
    let mut image = image_api::connect(&socket).await.unwrap();
    let name = node.status(node::StatusRequest {}).await.unwrap().into_inner().name;
    let status = image.status(StatusRequest {}).await.unwrap().into_inner();
    let done = image.activate(ActivateRequest { again: true }).await.unwrap().into_inner();

    assert_eq!((name.as_str(), status.slots.len()), ("one", 2));
    assert_eq!((done.told.as_str(), done.reboots), ("Activate { again: true }", true));
}

#[tokio::test]
async fn progress_is_streamed_to_the_end() {
    let publisher = Publisher::of("1.1.0");
    let router = Router::of("1.0.0", &publisher, None);
    let socket = router.path("api.sock");
    let _told = serve(&router, &socket);
    let mut image = image_api::connect(&socket).await.unwrap();

    let mut told = image.install(InstallRequest::default()).await.unwrap().into_inner();
    let mut last = None;
    while let Some(progress) = told.message().await.unwrap() {
        last = Some(progress);
    }

    assert_eq!(last.unwrap().stage(), Stage::Done);
}

#[tokio::test]
async fn a_refusal_says_whose_fault_it_is_and_what_would_help() {
    let publisher = Publisher::of("1.1.0");
    let router = Router::of("1.0.0", &publisher, None);
    let socket = router.path("api.sock");
    let _told = serve(&router, &socket);
    let mut image = image_api::connect(&socket).await.unwrap();
    std::fs::remove_file(router.path("root.json")).unwrap();

    let refused = image.fetch(FetchRequest {}).await.unwrap_err();

    assert_eq!(refused.code(), Code::FailedPrecondition);
    let told = refused.message();
    assert!(told.contains("no trusted root") && told.contains("\nprovision"), "{told}");
}

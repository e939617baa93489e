//! An update on its way, over good servers and bad ones.

use std::fs;

use mesh_node::config::Rate;
use mesh_node::release::{Client, Error, Floor, Patience, Refusal, Role, Settings, Target};
use std::time::Duration;

use crate::depot::{Depot, later, refresh};
use crate::http::{Manner, Server};

/// A repository behind a server, and the update that it offers.
async fn served(manner: Manner) -> (Depot, Server, Client, Target) {
    let depot = Depot::new();
    let server = Server::start(depot.path("repository"), manner).await;
    let patience = Patience { idle: Duration::from_millis(100), ..Patience::default() };
    let settings = Settings { repository: server.url(), patience, ..depot.settings() };
    let mut client = Client::new(settings).unwrap();
    let update = refresh(&mut client).await.unwrap().update.unwrap();
    (depot, server, client, update)
}

/// Reads until the end or an error.
async fn read(client: &Client, update: &Target, from: u64) -> (Vec<u8>, Option<Error>) {
    let mut download = client.open(update, from).unwrap();
    let mut bytes = Vec::new();
    loop {
        match download.next().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return (bytes, None),
            Err(error) => return (bytes, Some(error)),
        }
    }
}

fn contents(depot: &Depot, update: &Target) -> Vec<u8> {
    fs::read(depot.path("repository/targets").join(&update.file)).unwrap()
}

#[tokio::test]
async fn update_comes_whole_from_a_folder() {
    let depot = Depot::new();
    let mut client = depot.client();
    let update = refresh(&mut client).await.unwrap().update.unwrap();

    let (bytes, error) = read(&client, &update, 0).await;
    let (rest, no_error) = read(&client, &update, 100_000).await;

    assert!(error.or(no_error).is_none());
    assert_eq!(bytes, contents(&depot, &update));
    assert_eq!(rest, bytes[100_000..]);
}

#[tokio::test]
async fn update_comes_whole_from_a_server() {
    let (depot, server, client, update) = served(Manner::Good).await;

    let (bytes, error) = read(&client, &update, 0).await;

    assert!(error.is_none(), "{error:?}");
    assert_eq!(bytes, contents(&depot, &update));
    assert_eq!(server.ranges(), ["none"]);
}

#[tokio::test]
async fn update_is_resumed_where_the_server_died() {
    let (depot, server, client, update) = served(Manner::Dies(60_000)).await;
    let (mut bytes, mut deaths) = (Vec::new(), 0);

    loop {
        let (more, error) = read(&client, &update, bytes.len() as u64).await;
        bytes.extend(more);
        match error {
            None => break,
            Some(Error::Unreachable { .. }) => deaths += 1,
            Some(other) => panic!("{other}"),
        }
    }

    assert_eq!(deaths, update.length / 60_000);
    assert_eq!(bytes, contents(&depot, &update));
    assert_eq!(server.ranges()[..2], ["none", "60000-"]);
}

#[tokio::test]
async fn server_without_ranges_is_read_from_its_beginning() {
    let (depot, server, client, update) = served(Manner::Whole).await;

    let (rest, error) = read(&client, &update, 70_001).await;

    assert!(error.is_none(), "{error:?}");
    assert_eq!(rest, contents(&depot, &update)[70_001..]);
    assert_eq!(server.ranges(), ["70001-"]);
}

#[tokio::test]
async fn nothing_is_asked_for_past_the_last_byte() {
    let (_depot, _server, client, update) = served(Manner::Silent).await;

    let (rest, error) = read(&client, &update, update.length).await;

    assert!(rest.is_empty() && error.is_none(), "{error:?}");
}

#[tokio::test]
async fn update_without_end_is_cut_off_at_the_length_that_was_signed() {
    let (_depot, _server, client, update) = served(Manner::Endless).await;

    let (bytes, error) = read(&client, &update, 0).await;

    assert!(bytes.len() as u64 <= update.length);
    let Some(Error::Refused(refusal)) = error else { panic!("{error:?}") };
    let limit = update.length;
    assert!(matches!(*refusal, Refusal::EndlessData { limit: at, .. } if at == limit), "{refusal}");
}

#[tokio::test]
async fn update_that_is_another_is_mix_and_match() {
    let (depot, _server, client, update) = served(Manner::Good).await;
    let mut other = contents(&depot, &update);
    other[1000] ^= 1;
    fs::write(depot.path("repository/targets").join(&update.file), &other).unwrap();

    let (bytes, error) = read(&client, &update, 0).await;

    assert!(bytes.len() < other.len(), "its end is kept back");
    let Some(Error::Refused(refusal)) = error else { panic!("{error:?}") };
    assert!(matches!(*refusal, Refusal::MixAndMatch { role: Role::Update, .. }), "{refusal}");
}

#[tokio::test]
async fn silent_server_is_left_alone_after_a_while() {
    let (_depot, _server, client, update) = served(Manner::Silent).await;

    let (_, error) = read(&client, &update, 0).await;

    assert!(matches!(error, Some(Error::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn server_that_trickles_is_left_by_name_though_it_is_never_silent() {
    let (depot, server, _, update) = served(Manner::Trickles(Duration::from_millis(5))).await;
    let least = Rate::from_kbit(80).unwrap();
    let floor = Floor { least, window: Duration::from_millis(200) };
    let patience = Patience { floor, ..Patience::default() };
    let settings = Settings { repository: server.url(), patience, ..depot.settings() };

    let (_, error) = read(&Client::new(settings).unwrap(), &update, 0).await;

    let Some(Error::Refused(refusal)) = error else { panic!("{error:?}") };
    assert!(matches!(*refusal, Refusal::SlowRetrieval { .. }), "{refusal}");
    assert!(refusal.to_string().starts_with("slow retrieval: "), "{refusal}");
}

#[tokio::test]
async fn metadata_that_takes_for_ever_is_left_by_name() {
    let depot = Depot::new();
    let quick = Patience { walk: Duration::ZERO, ..Patience::default() };
    let settings = Settings { patience: quick, ..depot.settings() };

    let error = refresh(&mut Client::new(settings).unwrap()).await.unwrap_err();

    let Error::Refused(refusal) = error else { panic!("{error:?}") };
    assert_eq!(*refusal, Refusal::SlowMetadata { within: Duration::ZERO });
}

#[tokio::test]
async fn server_in_trouble_is_unreachable_and_a_missing_file_is_missing() {
    let (_depot, _server, client, update) = served(Manner::Says("503 Busy")).await;
    let (_, error) = read(&client, &update, 0).await;
    assert!(matches!(error, Some(Error::Unreachable { .. })), "{error:?}");

    let (_depot, _server, client, update) = served(Manner::Says("404 Not Found")).await;
    let (_, error) = read(&client, &update, 0).await;
    assert!(matches!(error, Some(Error::Missing { .. })), "{error:?}");
}

#[tokio::test]
async fn redirect_is_followed_to_another_server() {
    let (depot, _other, _, update) = served(Manner::Good).await;
    let target = format!("{}targets/{}", _other.url(), update.file);
    let first = Server::start(depot.path("repository"), Manner::Elsewhere(target)).await;
    let settings = Settings { repository: first.url(), ..depot.settings() };

    let (bytes, error) = read(&Client::new(settings).unwrap(), &update, 5).await;

    assert!(error.is_none(), "{error:?}");
    assert_eq!(bytes, contents(&depot, &update)[5..]);
}

#[tokio::test]
async fn redirects_in_a_circle_or_to_other_schemes_are_not_followed() {
    let circle = served(Manner::Elsewhere("again".to_owned())).await;
    let (_, error) = read(&circle.2, &circle.3, 0).await;
    assert!(matches!(error, Some(Error::Unreachable { .. })), "{error:?}");
    assert_eq!(circle.1.ranges().len(), 6, "the question and five redirects");

    let file = served(Manner::Elsewhere("file:///etc/hostname".to_owned())).await;
    let (_, error) = read(&file.2, &file.3, 0).await;
    assert!(matches!(error, Some(Error::Scheme { .. })), "{error:?}");
}

#[tokio::test]
async fn target_that_names_no_plain_file_is_not_opened() {
    let (_depot, _server, client, update) = served(Manner::Good).await;
    for file in ["../metadata/timestamp.json", "", "a/b", "http://x/y"] {
        let target = Target { file: file.to_owned(), ..update.clone() };

        assert!(client.open(&target, 0).is_err(), "{file}");
    }
}

#[tokio::test]
async fn server_that_breaks_off_in_the_chain_of_roots_is_unreachable() {
    let depot = Depot::new();
    fs::create_dir(depot.metadata("2.root.json")).unwrap();

    let error = depot.client().refresh(&later(60)).await.unwrap_err();

    assert!(matches!(error, Error::Unreachable { .. }), "a root that may be there is not skipped");
}

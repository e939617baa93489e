use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::topology::{Topology, Traffic};

/// Machines played by plain sockets.
struct Bench {
    sockets: TempDir,
    switch: Switch,
}

impl Bench {
    fn new(topology: &Topology) -> Self {
        let sockets = tempfile::tempdir().unwrap();
        let switch = Switch::start(Wiring::new(topology), sockets.path()).unwrap();
        Self { sockets, switch }
    }

    fn card(&self, machine: &str, link: u8) -> Card {
        let Plugs { machine, switch } = plugs(self.sockets.path(), machine, link);
        let socket = UnixDatagram::bind(machine).unwrap();
        socket.connect(switch).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Card(socket)
    }
}

struct Card(UnixDatagram);

impl Card {
    fn send(&self, frame: &str) {
        self.0.send(frame.as_bytes()).unwrap();
    }

    fn receive(&self) -> String {
        let mut buffer = [0; 2000];
        let length = self.0.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

fn triangle() -> Topology {
    Topology::default().segment("mesh", ["alpha", "bravo", "charlie"])
}

#[test]
fn a_frame_reaches_every_other_machine_and_is_counted() {
    let bench = Bench::new(&triangle());
    let [alpha, bravo, charlie] = ["alpha", "bravo", "charlie"].map(|name| bench.card(name, 1));

    alpha.send("hello");
    let received = [bravo.receive(), charlie.receive()];
    bravo.send("answer");

    assert_eq!(received, ["hello", "hello"]);
    // Not its own frame, which would have come first.
    assert_eq!(alpha.receive(), "answer");
    assert_eq!(bench.switch.wiring().traffic("alpha", "bravo").delivered, 1);
}

#[test]
fn a_cut_holds_in_one_direction_and_ends_with_restore() {
    let bench = Bench::new(&triangle());
    let [alpha, bravo, charlie] = ["alpha", "bravo", "charlie"].map(|name| bench.card(name, 1));

    bench.switch.wiring().cut("alpha", "bravo");
    alpha.send("while cut");
    bravo.send("the other way");
    // Charlie has the frame: the switch is past the point where bravo would have got it.
    assert_eq!(charlie.receive(), "while cut");
    assert_eq!(alpha.receive(), "the other way");
    bench.switch.wiring().restore("alpha", "bravo");
    alpha.send("restored");

    assert_eq!(bravo.receive(), "restored");
    assert_eq!(
        bench.switch.wiring().traffic("alpha", "bravo"),
        Traffic { delivered: 1, cut: 1, lost: 0 }
    );
}

#[test]
fn a_burst_longer_than_the_kernels_queue_arrives_whole_and_in_order() {
    let bench = Bench::new(&Topology::default().segment("mesh", ["alpha", "bravo"]));
    let [alpha, bravo] = ["alpha", "bravo"].map(|name| bench.card(name, 1));
    let frames: Vec<String> = (0..200).map(|number| number.to_string()).collect();

    for frame in &frames {
        alpha.send(frame);
    }

    let received: Vec<String> = frames.iter().map(|_| bravo.receive()).collect();
    assert_eq!(received, frames);
}

#[test]
fn a_machine_that_is_off_costs_its_frames_only() {
    let bench = Bench::new(&triangle());
    let [alpha, charlie] = ["alpha", "charlie"].map(|name| bench.card(name, 1));

    alpha.send("hello");

    assert_eq!(charlie.receive(), "hello");
    assert_eq!(bench.switch.wiring().traffic("alpha", "bravo").lost, 1);
}

#[test]
fn a_stale_socket_does_not_keep_the_switch_from_starting() {
    let sockets = tempfile::tempdir().unwrap();
    drop(Switch::start(Wiring::new(&triangle()), sockets.path()).unwrap());
    assert!(plugs(sockets.path(), "alpha", 1).switch.exists());

    Switch::start(Wiring::new(&triangle()), sockets.path()).unwrap();
}

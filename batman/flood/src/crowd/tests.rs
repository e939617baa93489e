use super::*;

fn messages(frame: &[u8]) -> Vec<Ogm> {
    let (_, mut bytes) = packet::unframed(frame).unwrap();
    let mut messages = Vec::new();
    while let Some((message, rest)) = Ogm::parse(bytes) {
        messages.push(message);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "{} bytes are left", bytes.len());
    messages
}

#[test]
fn every_node_is_heard_once_in_a_round_and_no_frame_is_too_long() {
    let crowd = Crowd { clients: 10, ..Crowd::new(RoutingAlgorithm::BatmanIv, 1000) };

    let frames = crowd.round(7);

    assert!(frames.iter().all(|frame| frame.len() <= 14 + FRAME));
    let heard: Vec<_> = frames.iter().flat_map(|frame| messages(frame)).collect();
    assert!(heard.iter().all(|it| it.sequence == 7 && it.previous == it.originator));
    let heard: Vec<_> = heard.iter().map(|it| it.originator).collect();
    assert_eq!(heard, (0..1000).map(Crowd::node).collect::<Vec<_>>());
}

#[test]
fn only_the_neighbour_is_near() {
    let crowd = Crowd::new(RoutingAlgorithm::BatmanIv, 3);

    let frames = crowd.round(1);

    let near = frames.iter().flat_map(|frame| messages(frame)).map(|it| it.flags & Ogm::DIRECT);
    assert_eq!(near.collect::<Vec<_>>(), [Ogm::DIRECT, 0, 0]);
}

#[test]
fn senders_own_message_is_sent_on_as_heard_directly_and_others_are_not() {
    let kernel = MacAddr([2, 0, 0, 0, 0, 9]);
    let own = Ogm {
        ttl: 50,
        flags: 0,
        sequence: 3,
        originator: kernel,
        previous: kernel,
        quality: 255,
        tvlv: vec![4, 1, 0, 0],
    };
    let other = Ogm { originator: Crowd::node(5), ttl: 2, ..own.clone() };
    let mut frame = packet::broadcast(kernel);
    own.emit(&mut frame);
    other.emit(&mut frame);
    let crowd = Crowd::new(RoutingAlgorithm::BatmanIv, 10);

    let answer = crowd.answer(&frame).unwrap();

    assert_eq!(packet::unframed(&answer).unwrap().0, Crowd::node(0));
    let sent_on = Ogm { ttl: 49, flags: Ogm::DIRECT, quality: 225, ..own };
    assert_eq!(messages(&answer), [sent_on]);
}

#[test]
fn what_is_not_of_batman_adv_is_not_answered() {
    let crowd = Crowd::new(RoutingAlgorithm::BatmanIv, 10);

    assert_eq!(crowd.answer(&[]), None);
    assert_eq!(crowd.answer(&[0xff; 60]), None);
    assert_eq!(crowd.answer(&crowd.round(1)[0]), None);
}

#[test]
fn probe_comes_before_the_messages_of_batman_v() {
    let crowd = Crowd::new(RoutingAlgorithm::BatmanV, 1);

    let frames = crowd.round(2);

    let probe = [3, 15, 2, 0xba, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0xf4];
    assert_eq!(packet::unframed(&frames[0]).unwrap().1, probe);
    let message = [4, 15, 1, 0, 0, 0, 0, 2, 2, 0xba, 0, 0, 0, 0, 0, 0, 0, 0, 0x27, 0x10];
    assert_eq!(packet::unframed(&frames[1]).unwrap().1, message);
}

use image::slot::Slot;
use spire_bridge::agent::Exit;
use spire_bridge::identity::Absence;

use super::*;
use crate::data::DataFinding;
use crate::samples::{at, knowledge, peer};
use crate::trial::rules::SlotFinding;

#[test]
fn every_finding_that_can_be_mended_has_its_action() {
    let step = Step::SetUp { link: "eth1".parse().unwrap() };
    let findings = [
        Finding::MeshDiffers(step.clone()),
        Finding::AgentSleeps { pid: 70 },
        Finding::JoinTokenSpent,
        Finding::SessionMissing(peer()),
        Finding::SessionStale(SessionId(1)),
    ];

    let mut knowledge = knowledge();
    knowledge.nudge_from = Some(at(1));

    let actions = plan(&knowledge, &findings, at(1));

    assert_eq!(
        actions,
        [
            Action::Mesh(step),
            Action::NudgeAgent { pid: 70 },
            Action::WipeJoinToken,
            Action::Dial(peer()),
            Action::HangUp(SessionId(1)),
        ]
    );
}

#[test]
fn slots_and_data_have_their_actions_too() {
    let findings = [
        Finding::Slots(SlotFinding::Proven(Slot::B)),
        Finding::Data(DataFinding::AgentStuck),
        Finding::Data(DataFinding::Full),
    ];

    let actions = plan(&knowledge(), &findings, at(1));

    assert_eq!(
        actions,
        [Action::Slots(SlotAction::Commit(Slot::B)), Action::Data(DataAction::MoveAgent)]
    );
}

#[test]
fn nothing_found_is_nothing_to_do() {
    assert_eq!(plan(&knowledge(), &[], at(1)), []);
    assert_eq!(plan(&knowledge(), &[Finding::NoIdentity(Absence::NotRegistered)], at(1)), []);
}

#[test]
fn a_dead_agent_is_started_when_its_wait_is_over() {
    let mut knowledge = knowledge();
    knowledge.agent.exited(Exit::Signal(9), at(5), 1.0);
    let down = [Finding::AgentDown { last_exit: Some(Exit::Signal(9)) }];

    assert_eq!(plan(&knowledge, &down, at(5)), []);
    assert_eq!(plan(&knowledge, &down, at(6)), [Action::Agent(Command::Start)]);
}

#[test]
fn a_waiting_agent_is_told_once_for_each_return_of_the_server() {
    let mut knowledge = knowledge();
    let asleep = [Finding::AgentSleeps { pid: 70 }];
    let nudge = [Action::NudgeAgent { pid: 70 }];

    knowledge.server(Some(true), 0.5, at(1));
    assert_eq!(plan(&knowledge, &asleep, at(1)), [], "it has not been away");
    knowledge.server(Some(false), 0.5, at(2));
    knowledge.server(Some(true), 0.5, at(10));
    assert_eq!(plan(&knowledge, &asleep, at(11)), [], "not all at once");
    assert_eq!(plan(&knowledge, &asleep, at(12)), nudge);
    knowledge.nudge_from = None;
    knowledge.server(Some(true), 0.5, at(13));
    assert_eq!(plan(&knowledge, &asleep, at(60)), []);
}

#[test]
fn a_step_that_failed_waits_and_the_others_do_not() {
    let mut knowledge = knowledge();
    let step = |link: &str| Step::SetUp { link: link.parse().unwrap() };
    let findings = [Finding::MeshDiffers(step("eth1")), Finding::MeshDiffers(step("eth2"))];

    knowledge.done(&Action::Mesh(step("eth1")), Err("busy".into()), None, at(5));

    assert_eq!(plan(&knowledge, &findings, at(5)), [Action::Mesh(step("eth2"))]);
    assert_eq!(plan(&knowledge, &findings, at(6)).len(), 2);
}

#[test]
fn knobs_of_a_link_that_could_not_be_attached_wait_with_it() {
    let mut knowledge = knowledge();
    let (link, mesh): (batman::IfName, batman::IfName) =
        ("eth1".parse().unwrap(), "bat0".parse().unwrap());
    let attach = Step::Attach { link: link.clone(), mesh: mesh.clone() };
    let setting = batman::Setting {
        knob: batman::Knob::InterfaceHopPenalty,
        value: batman::Value::Number(9),
    };
    let set = Step::SetHardInterface { mesh, link, setting };
    let findings = [attach.clone(), set].map(Finding::MeshDiffers);

    knowledge.done(&Action::Mesh(attach), Err("busy".into()), None, at(5));

    assert_eq!(plan(&knowledge, &findings, at(5)), []);
    assert_eq!(plan(&knowledge, &findings, at(6)).len(), 2);
}

#[test]
fn an_agent_that_overstays_its_leave_is_killed() {
    let mut knowledge = knowledge();

    knowledge.agent.told(Command::Terminate { pid: 70 }, at(5));

    assert_eq!(plan(&knowledge, &[], at(9)), []);
    assert_eq!(plan(&knowledge, &[], at(10)), [Action::Agent(Command::Kill { pid: 70 })]);
}

//! Random requests, crashes and power cuts, with the chooser's model for a machine.

use proptest::prelude::*;

use super::super::super::chooser::choose;
use super::*;

/// Boots after which a machine must have come to rest: tries times silent ends, and the way back.
const BOOTS: usize = 64;

/// How an image behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Image {
    /// It runs.
    Good,
    /// Its kernel hangs.
    Silent,
    /// It reaches user space and crashes.
    Crashing,
    /// Only a part of it was written.
    Half,
}

#[derive(Debug, Clone)]
enum Step {
    Request(Request),
    /// The power is cut after so many of the request's writes.
    CutRequest(Request, usize),
    Install(Image),
    CutInstall,
    PowerCut,
    /// The power is cut before the kernel runs, so often.
    PowerFlaps(u8),
    /// The watchdog is gone after a power cut, or there again.
    Watchdog(Duration),
}

struct Machine {
    files: [Vec<u8>; 2],
    images: [Image; 2],
    running: Slot,
    /// The longest that its watchdog waits; zero where it has none.
    watchdog: Duration,
    /// How many starts of a slot on trial lose their power before the kernel runs.
    cuts: u8,
    /// Starts of user space of the present trial.
    starts: usize,
    allowed: usize,
}

impl Machine {
    fn new() -> Self {
        let proved = Trial::new(Phase::Committed, ImageId::default());
        let a = environment(Slot::A, State::Ok, 1, proved);
        let b = Environment::receiving(ImageId::default());
        Self {
            files: [a, b].map(|it| it.as_bytes().to_vec()),
            images: [Image::Good, Image::Half],
            running: Slot::A,
            watchdog: Duration::MAX,
            cuts: 0,
            starts: 0,
            allowed: 0,
        }
    }

    fn file(&mut self, slot: Slot) -> &mut Vec<u8> {
        &mut self.files[slot as usize]
    }

    fn seen(&self) -> Seen {
        let [a, b] = &self.files;
        let parse = |file: &[u8]| Environment::parse(file).map_err(Unreadable::from);
        Seen { running: self.running, a: parse(a), b: parse(b) }
    }

    /// The slot that must not be written: the one that proved itself last.
    fn proved(&self) -> Slot {
        if self.seen().is_on_trial() { self.running.other() } else { self.running }
    }

    /// Does what a plan says, up to a number of writes, and tells whether to start anew.
    fn follow(&mut self, request: Request, writes: usize) -> bool {
        let seen = self.seen();
        let Ok(plan) = plan(&seen, request) else { return false };
        let proved = self.proved();
        assert!(plan.writes.is_empty() || plan.slot != proved, "{request:?} writes to {proved}");
        for write in plan.writes.iter().take(writes) {
            let offset = usize::try_from(write.offset).unwrap();
            self.file(plan.slot)[offset..offset + 512].copy_from_slice(&write.bytes);
        }
        if let Request::Activate { tries, .. } | Request::RollBack { tries, .. } = request
            && !seen.is_on_trial()
        {
            (self.starts, self.allowed) = (0, tries.into());
        }
        plan.then == Then::Reboot
    }

    fn install(&mut self, image: Image) {
        let Ok(slot) = self.seen().receiver() else { return };
        let ready = Trial::new(Phase::Ready, ImageId::default());
        let environment = match image {
            Image::Half => Environment::receiving(ImageId::default()),
            _ => environment(slot, State::Failed, 0, ready),
        };
        *self.file(slot) = environment.as_bytes().to_vec();
        self.images[slot as usize] = image;
    }

    /// Powers on as often as it takes until something runs and stays.
    fn boot(&mut self) {
        for _ in 0..BOOTS {
            let [a, b] = &self.files;
            let choice = choose(Some(a), Some(b));
            if let Some((slot, file)) = choice.written {
                *self.file(slot) = file;
            }
            let slot = choice.slot.expect("something boots");
            let image = self.images[slot as usize];
            assert_ne!(image, Image::Half, "half an image was chosen");
            assert_eq!(choice.kernel_parameters, slot.fill("root=PARTLABEL=root-{slot}"));
            if choice.watchdog > 0 && self.watchdog.is_zero() {
                self.check_watched_for_a_trial(slot);
                continue;
            }
            if image == Image::Silent || self.loses_power(slot) {
                continue;
            }
            self.running = slot;
            if self.seen().is_on_trial() {
                self.starts += 1;
                assert!(self.starts <= self.allowed, "{} of {}", self.starts, self.allowed);
            }
            self.follow(Request::Begin, usize::MAX);
            let back_in_old = Request::BackInOld { watchdog: self.watchdog };
            if !self.follow(back_in_old, usize::MAX) && image == Image::Good {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn loses_power(&mut self, slot: Slot) -> bool {
        let seen = self.seen();
        let state = seen.environment(slot).as_ref().unwrap().state();
        let is_cut = state == State::Testing && self.cuts > 0;
        self.cuts -= u8::from(is_cut);
        is_cut
    }

    /// The chooser refuses it, and will not a second time.
    fn check_watched_for_a_trial(&self, slot: Slot) {
        let seen = self.seen();
        let environment = seen.environment(slot).as_ref().unwrap();
        assert_eq!(environment.state(), State::Testing, "slot {slot} never boots again");
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Request(request) => {
                if self.follow(*request, usize::MAX) {
                    self.boot();
                }
            }
            Step::CutRequest(request, writes) => {
                self.follow(*request, *writes);
                self.boot();
            }
            Step::Install(image) => self.install(*image),
            Step::CutInstall => {
                self.install(Image::Half);
                self.boot();
            }
            Step::PowerCut => self.boot(),
            Step::Watchdog(longest) => {
                self.watchdog = *longest;
                self.boot();
            }
            Step::PowerFlaps(times) => {
                for _ in 0..*times {
                    let [a, b] = &self.files;
                    if let Some((slot, file)) = choose(Some(a), Some(b)).written {
                        *self.file(slot) = file;
                    }
                }
                self.boot();
            }
        }
    }
}

fn watchdogs() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), Just(WATCHDOG)]
}

fn requests() -> impl Strategy<Value = Request> {
    let by = prop_oneof![Just(Initiator::Person), Just(Initiator::Node)];
    prop_oneof![
        3 => (1..5_u8, any::<bool>(), watchdogs()).prop_map(|(tries, again, watchdog)| {
            Request::Activate { tries, again, watchdog }
        }),
        2 => Just(Request::Commit),
        1 => any::<u8>().prop_map(|it| Request::Fail { reason: Reason::Unhealthy(it) }),
        2 => (1..5_u8, by, watchdogs()).prop_map(|(tries, by, watchdog)| {
            Request::RollBack { tries, by, watchdog }
        }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let images = prop_oneof![Just(Image::Good), Just(Image::Silent), Just(Image::Crashing)];
    prop_oneof![
        4 => requests().prop_map(Step::Request),
        2 => (requests(), 0..3_usize).prop_map(|(it, writes)| Step::CutRequest(it, writes)),
        3 => images.prop_map(Step::Install),
        1 => Just(Step::CutInstall),
        2 => Just(Step::PowerCut),
        1 => (1..6_u8).prop_map(Step::PowerFlaps),
        1 => watchdogs().prop_map(Step::Watchdog),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn machine_always_comes_to_rest_in_a_whole_slot(
        steps in prop::collection::vec(steps(), 1..24),
    ) {
        let mut machine = Machine::new();

        for step in &steps {
            machine.step(step);
        }

        machine.boot();
        prop_assert_eq!(machine.images[machine.running as usize], Image::Good);
    }
}

#[test]
fn good_image_survives_power_flaps_and_proves_itself() {
    let mut machine = Machine::new();
    machine.install(Image::Good);
    machine.step(&Step::Request(ACTIVATE));
    assert_eq!(machine.running, Slot::B);

    machine.step(&Step::PowerCut);
    machine.step(&Step::Request(Request::Commit));
    machine.step(&Step::PowerFlaps(5));

    assert_eq!(machine.running, Slot::B);
    assert!(!machine.seen().is_on_trial());
}

#[test]
fn flaps_before_the_kernel_runs_cost_no_try_until_the_third_in_a_row_ends_the_trial() {
    let ended = Phase::Failed(Reason::NeverReachedUserspace);
    for (cuts, rest, starts, phase) in
        [(1, Slot::B, 1, Phase::Trying), (2, Slot::B, 1, Phase::Trying), (3, Slot::A, 0, ended)]
    {
        let mut machine = Machine::new();
        machine.install(Image::Good);
        machine.cuts = cuts;

        machine.step(&Step::Request(ACTIVATE));

        assert_eq!((machine.running, machine.starts), (rest, starts), "{cuts} cuts");
        let record = machine.seen().b.unwrap().trial().unwrap();
        assert_eq!((record.phase, record.used), (phase, u8::from(starts > 0)), "{cuts} cuts");
    }
}

#[test]
fn slot_that_proved_itself_boots_where_the_watchdog_has_gone() {
    let mut machine = Machine::new();
    machine.install(Image::Good);
    machine.step(&Step::Request(ACTIVATE));
    machine.step(&Step::Request(Request::Commit));

    machine.step(&Step::Watchdog(Duration::ZERO));

    assert_eq!(machine.running, Slot::B);
}

#[test]
fn trial_whose_watchdog_has_gone_goes_on_without() {
    let mut machine = Machine::new();
    machine.install(Image::Good);
    machine.follow(ACTIVATE, usize::MAX);

    machine.step(&Step::Watchdog(Duration::ZERO));

    assert_eq!((machine.running, machine.starts), (Slot::B, 1));
    assert_eq!(machine.seen().b.unwrap().kernel().watchdog, Duration::ZERO);
}

#[test]
fn bad_images_end_in_the_old_slot_with_a_reason() {
    let cases =
        [(Image::Silent, Reason::NeverReachedUserspace), (Image::Crashing, Reason::TriesUsedUp)];

    for (image, reason) in cases {
        let mut machine = Machine::new();
        machine.install(image);
        machine.step(&Step::Request(ACTIVATE));

        assert_eq!(machine.running, Slot::A);
        let record = machine.seen().b.unwrap().trial().unwrap();
        assert_eq!(record.phase, Phase::Failed(reason), "{image:?}");
    }
}

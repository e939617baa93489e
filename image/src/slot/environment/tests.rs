use proptest::prelude::*;

use super::super::trial::tests::trials;
use super::super::trial::{ImageId, Phase};
use super::*;

fn kernel() -> Kernel {
    Kernel {
        file: "C:BOOT-A:kernel".into(),
        parameters: "root=PARTLABEL=root-a console=ttyS0".into(),
        watchdog: Duration::from_secs(60),
    }
}

fn sample() -> Environment {
    let record = Trial::new(Phase::Ready, ImageId(*b"an image"));
    Environment::new(&kernel(), State::Installed, 7, record).unwrap()
}

fn states() -> impl Strategy<Value = State> {
    (0..4_u8).prop_map(|it| State::decode(it).unwrap())
}

#[test]
fn environment_is_read_as_it_was_made() {
    let made = sample();

    let read = Environment::parse(made.as_bytes()).unwrap();

    assert_eq!(read, made);
    assert_eq!(read.kernel(), kernel());
    assert_eq!((read.state(), read.revision()), (State::Installed, 7));
    assert_eq!(read.trial(), Some(Trial::new(Phase::Ready, ImageId(*b"an image"))));
}

#[test]
fn fields_lie_where_the_chooser_has_them() {
    let bytes = sample();
    let bytes = bytes.as_bytes();

    assert_eq!(bytes.len(), 132_104);
    assert_eq!(&bytes[..6], b"C\0:\0B\0");
    assert_eq!(&bytes[510..514], b"r\0o\0");
    assert_eq!(&bytes[1018..1028], &[0, 0, 0, 1, 60, 0, 7, 0, 0, 0]);
    assert_eq!(&bytes[1028..1045], b"mesh\0\x10\0\0\0\0\0\0\0\x01\0\0\0");
}

#[test]
fn any_flipped_bit_is_a_fault() {
    for bit in [0, 8 * 511, 8 * 990 + 3, 8 * 1021, 8 * 1024, 8 * 100_000, 8 * 132_103 + 7] {
        let mut bytes = sample().as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);

        assert!(matches!(Environment::parse(&bytes), Err(Fault::Checksum { .. })), "bit {bit}");
    }
}

#[test]
fn files_of_another_length_or_state_are_faults() {
    let mut strange = sample();
    strange.put(STATE, &[9]);
    strange.put(CHECKSUM, &checksum::of(strange.checked()).to_le_bytes());

    assert_eq!(Environment::parse(&[0; 100]), Err(Fault::Length(100)));
    assert_eq!(Environment::parse(strange.as_bytes()), Err(Fault::State(9)));
}

#[test]
fn kernels_that_do_not_fit_are_refused_by_name() {
    let cases = [
        (Kernel { file: String::new(), ..kernel() }, Unfit::File(0)),
        (Kernel { file: "x".repeat(255), ..kernel() }, Unfit::File(255)),
        (Kernel { parameters: "x".repeat(231), ..kernel() }, Unfit::Parameters(231)),
        (Kernel { parameters: "a\0b".into(), ..kernel() }, Unfit::Nul),
        (
            Kernel { watchdog: Duration::from_millis(1500), ..kernel() },
            Unfit::Watchdog(Duration::from_millis(1500)),
        ),
    ];

    for (kernel, expected) in cases {
        let record = Trial::new(Phase::Ready, ImageId::default());
        assert_eq!(Environment::new(&kernel, State::Ok, 1, record), Err(expected));
    }
}

#[test]
fn environment_of_somebody_else_is_read_and_not_changed() {
    let mut foreign = sample();
    foreign.put(USER_DATA, &[0; 17]);
    foreign.put(CHECKSUM, &checksum::of(foreign.checked()).to_le_bytes());
    let record = Trial::new(Phase::Ready, ImageId::default());

    let mut foreign = Environment::parse(foreign.as_bytes()).unwrap();

    assert_eq!(foreign.trial(), None);
    assert_eq!(foreign.change(State::Ok, record, Duration::ZERO), Err(NoRoom));
    assert_eq!(foreign.change_revision(3), Err(NoRoom));
}

fn apply(file: &mut [u8], write: &Write) {
    let offset = usize::try_from(write.offset).unwrap();
    file[offset..offset + write.bytes.len()].copy_from_slice(&write.bytes);
}

fn changed(old: &[u8], new: &[u8]) -> Vec<usize> {
    (0..old.len()).filter(|it| old[*it] != new[*it]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn change_of_state_is_one_sector_and_stays_valid(
        state in states(), record in trials(), seconds: u16,
    ) {
        let old = sample();
        let mut new = old.clone();

        let watchdog = Duration::from_secs(seconds.into());
        let write = new.change(state, record, watchdog).unwrap();

        let mut file = old.as_bytes().to_vec();
        apply(&mut file, &write);
        prop_assert_eq!(&file, new.as_bytes());
        prop_assert!(changed(old.as_bytes(), &file).iter().all(|it| (512..1024).contains(it)));
        let read = Environment::parse(&file).unwrap();
        prop_assert_eq!((read.state(), read.trial()), (state, Some(record)));
        let kernel = Kernel { watchdog, ..old.kernel() };
        prop_assert_eq!((read.kernel(), read.revision()), (kernel, old.revision()));
    }

    #[test]
    fn change_of_revision_is_one_sector_and_stays_valid(revision: u32) {
        let old = sample();
        let mut new = old.clone();

        let write = new.change_revision(revision).unwrap();

        let mut file = old.as_bytes().to_vec();
        apply(&mut file, &write);
        prop_assert!(changed(old.as_bytes(), &file).iter().all(|it| (1024..1536).contains(it)));
        let read = Environment::parse(&file).unwrap();
        prop_assert_eq!((read.revision(), read.trial()), (revision, old.trial()));
    }

    #[test]
    fn changes_are_valid_in_either_order(state in states(), record in trials(), revision: u32) {
        let old = sample();
        let mut new = old.clone();
        let first = new.change(state, record, Duration::ZERO).unwrap();
        let second = new.change_revision(revision).unwrap();

        let mut file = old.as_bytes().to_vec();
        apply(&mut file, &second);
        Environment::parse(&file).unwrap();
        apply(&mut file, &first);

        prop_assert_eq!(Environment::parse(&file).unwrap(), new);
    }

    #[test]
    fn any_bytes_are_an_environment_or_a_fault(bytes: Vec<u8>, byte: u8) {
        prop_assert!(Environment::parse(&bytes).is_err());
        let _ = Environment::parse(&vec![byte; LENGTH]);
    }
}

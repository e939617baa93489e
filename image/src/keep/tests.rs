use proptest::prelude::*;

use super::*;
use crate::block::Memory;

mod cuts;

fn keep(files: &[(&str, &str)]) -> Keep {
    let mut keep = Keep::default();
    for (path, bytes) in files {
        keep.put(path, File { mode: 0o600, bytes: bytes.as_bytes().to_vec() }).unwrap();
    }
    keep
}

fn empty() -> Memory {
    Memory(vec![0; 2 * COPY])
}

fn store(partition: &mut Memory, keep: &Keep, manner: Manner) {
    let seen = observe(partition).unwrap();
    apply(partition, &plan(&seen, keep, manner).unwrap()).unwrap();
}

fn holds(partition: &Memory, text: &str) -> bool {
    partition.0.windows(text.len()).any(|it| it == text.as_bytes())
}

#[test]
fn nothing_is_kept_on_an_empty_partition() {
    let seen = observe(&empty()).unwrap();

    assert_eq!(seen.newest(), None);
    assert_eq!(seen.faults(), [Some(Fault::Missing); 2]);
}

#[test]
fn last_change_is_what_is_kept() {
    let mut partition = empty();

    for name in ["one", "two", "three"] {
        store(&mut partition, &keep(&[("hostname", name)]), Manner::Change);
    }

    let seen = observe(&partition).unwrap();
    assert_eq!(seen.newest(), Some(&keep(&[("hostname", "three")])));
    assert_eq!(seen.faults(), [None, None]);
}

#[test]
fn change_before_is_kept_when_a_copy_is_damaged() {
    let mut partition = empty();
    store(&mut partition, &keep(&[("hostname", "one")]), Manner::Change);
    store(&mut partition, &keep(&[("hostname", "two")]), Manner::Change);

    partition.0[COPY + 60] ^= 1;

    let seen = observe(&partition).unwrap();
    assert_eq!(seen.newest(), Some(&keep(&[("hostname", "one")])));
    assert_eq!(seen.faults(), [None, Some(Fault::Damaged)]);
}

#[test]
fn wiped_secret_is_nowhere_on_the_medium() {
    let mut partition = empty();
    let secret = keep(&[("hostname", "one"), ("spire/join_token", "very secret")]);
    store(&mut partition, &secret, Manner::Change);
    store(&mut partition, &secret, Manner::Change);
    assert!(holds(&partition, "very secret"));

    store(&mut partition, &keep(&[("hostname", "one")]), Manner::Wipe);

    assert!(!holds(&partition, "very secret"));
    assert_eq!(observe(&partition).unwrap().faults(), [None, None]);
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\0b", &"x".repeat(256)]
    {
        let file = File { mode: 0o600, bytes: Vec::new() };
        assert_eq!(Keep::default().put(path, file), Err(Unfit::Path(path.to_owned())));
    }
}

#[test]
fn too_much_is_refused() {
    let large = keep(&[("large", &"x".repeat(COPY))]);
    let seen = Seen::parse(&[]);

    assert!(matches!(plan(&seen, &large, Manner::Change), Err(Unfit::Size { .. })));
}

#[test]
fn whole_copy_that_makes_no_sense_is_told_apart() {
    let mut body = Vec::new();
    body.extend(3_u32.to_le_bytes());
    body.extend(b"../");
    let head = [&MAGIC[..], &1_u64.to_le_bytes(), &7_u32.to_le_bytes()].concat();
    let digest = Sha256::new().chain_update(&head).chain_update(&body).finalize();
    let copy = [&head[..], &digest, &body].concat();

    assert_eq!(Seen::parse(&copy).faults(), [Some(Fault::Malformed), Some(Fault::Missing)]);
}

#[test]
fn contents_are_not_told_by_accident() {
    let secret = format!("{:?}", keep(&[("spire/join_token", "very secret")]));

    assert!(!secret.contains("very secret"), "{secret}");
}

proptest! {
    #[test]
    fn files_are_read_as_they_were_written(
        files in prop::collection::btree_map("[a-z]{1,8}(/[a-z]{1,8}){0,2}", any::<(u16, Vec<u8>)>(), 0..8),
    ) {
        let mut keep = Keep::default();
        for (path, (mode, bytes)) in files {
            keep.put(&path, File { mode: mode.into(), bytes }).unwrap();
        }
        let mut partition = empty();

        store(&mut partition, &keep, Manner::Change);

        let seen = observe(&partition).unwrap();
        prop_assert_eq!(seen.newest(), Some(&keep));
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
        let _ = Seen::parse(&bytes);
        let _ = Keep::decode(&bytes);
    }
}

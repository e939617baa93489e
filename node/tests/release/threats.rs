//! The threat table of docs/update.md names tests that are there.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the table's first words lie.
const FOLDERS: [(&str, &str); 9] = [
    ("release/", "node/tests/"),
    ("installing/", "node/tests/"),
    ("install/", "node/src/"),
    ("update/", "image/src/"),
    ("slot/", "image/src/"),
    ("trial/", "node/src/"),
    ("clock_floor", "node/src/"),
    ("io/", "node/src/"),
    ("power_cut/", "image/src/"),
];

#[test]
fn every_test_of_the_threat_table_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("docs/update.md")).unwrap();
    let table = text.lines().skip_while(|line| !line.starts_with("| Attacker |"));
    let rows: Vec<&str> = table.skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20, "the table is there");

    let scenarios = sources(&root.join("qemu/src/scenarios"));
    for row in rows {
        let names: Vec<&str> = row.split('|').nth(5).unwrap().split('`').collect();
        let named: Vec<_> = names.iter().filter_map(|name| name.split_once("::")).collect();
        let played: Vec<_> =
            names.iter().filter_map(|name| name.strip_prefix("./x lab ")).collect();
        assert!(!named.is_empty() || !played.is_empty(), "{row}");
        for (file, test) in named {
            let (_, folder) = FOLDERS.iter().find(|(start, _)| file.starts_with(start)).unwrap();
            let source = fs::read_to_string(root.join(folder).join(file)).unwrap();
            assert!(source.contains(&format!("fn {test}(")), "{file}::{test}");
        }
        for name in played {
            assert!(scenarios.contains(&format!("name: \"{name}\"")), "{name}");
        }
    }
}

/// All files of a folder and of those in it, one after the other.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| {
        if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }
    };
    entries.map(text).collect()
}

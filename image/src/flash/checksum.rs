//! What is written beside an image about what it should be.

use serde::Deserialize;

use crate::update::Digest;

/// Finds a file's digest in what `sha256sum` writes.
pub fn of_sums(text: &str, name: &str) -> Option<Digest> {
    text.lines().find_map(|line| {
        let (digest, file) = line.split_once(' ')?;
        // A blank or an asterisk before the name tells how the file was read, which is the same here.
        let file = file.strip_prefix([' ', '*']).unwrap_or(file).trim_end();
        let is_it = file == name || file.ends_with(&format!("/{name}"));
        is_it.then(|| digest.parse().ok()).flatten()
    })
}

/// Finds a file's digest in the packer's list of what it made.
pub fn of_contents(text: &str, name: &str) -> Option<Digest> {
    let contents: Contents = serde_json::from_str(text).ok()?;
    contents.files.into_iter().find(|it| it.name == name).map(|it| it.sha256)
}

/// What matters here of the packer's list.
#[derive(Deserialize)]
struct Contents {
    files: Vec<Made>,
}

#[derive(Deserialize)]
struct Made {
    name: String,
    sha256: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn check(found: Option<Digest>, is_found: bool) {
        assert_eq!(found, is_found.then(|| Digest::of(b"abc")));
    }

    #[test]
    fn sums_are_found_by_the_files_name() {
        let other = "0".repeat(64);

        for line in [
            format!("{ABC}  disk.img"),
            format!("{ABC} *disk.img"),
            format!("{ABC}  target/image/x86_64/disk.img\n"),
            format!("{other}  my-disk.img\n{ABC}  disk.img\r\n"),
        ] {
            check(of_sums(&line, "disk.img"), true);
        }
        for line in ["", "disk.img", &format!("{ABC}  other.img"), "0123  disk.img"] {
            check(of_sums(line, "disk.img"), false);
        }
    }

    #[test]
    fn contents_are_found_by_the_files_name() {
        let text = format!(
            r#"{{"version": "1.0.0", "parts": [{{"name": "kernel", "bytes": 1, "stored": 1}}], "files": [{{"name": "disk.img", "bytes": 3, "sha256": "{ABC}"}}]}}"#
        );

        check(of_contents(&text, "disk.img"), true);
        check(of_contents(&text, "kernel"), false);
        for text in ["", "[]", r#"{"name": "disk.img", "sha256": 7}"#] {
            check(of_contents(text, "disk.img"), false);
        }
    }
}

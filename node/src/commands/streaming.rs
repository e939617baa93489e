//! The large tables as JSON, row by row: in the memory of one block, and for scripts, which ask often, in little time.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use batman::IfName;
use batman::codec::{Attributes, BatadvCmd};
use batman::io::stream_now;
use batman::json;
use mesh_node::mesh::names::Names;

use super::configured::configured;
use super::mesh;

/// This much is written at a time.
const BLOCK: usize = 16 * 1024;

/// A row is hardly ever longer.
const ROW: usize = 1024;

/// A question that scripts ask.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question {
    command: BatadvCmd,
    /// The configuration's if not given.
    mesh: Option<IfName>,
}

/// Recognizes the questions that scripts ask: to read all that may be said takes longer than to answer these.
pub(crate) fn plain<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> Option<Question> {
    let mut words = words.into_iter().map(|word| word.to_str().unwrap_or_default());
    if words.next() != Some("mesh") {
        return None;
    }
    let (mut table, mut as_json, mut global, mut mesh) = (None, false, false, None);
    while let Some(word) = words.next() {
        match word {
            "originators" | "clients" if table.is_none() => table = Some(word),
            "--json" if !as_json => as_json = true,
            "--global" if table == Some("clients") && !global => global = true,
            "--mesh" if mesh.is_none() => mesh = Some(words.next()?.parse().ok()?),
            _ => return None,
        }
    }
    let command = match (table, global) {
        (Some("originators"), false) => BatadvCmd::GetOriginators,
        (Some("clients"), true) => BatadvCmd::GetTranstableGlobal,
        _ => return None,
    };
    as_json.then_some(Question { command, mesh })
}

/// Answers such a question, or nothing at all if there is something to explain.
pub(crate) fn answer(Question { command, mesh }: Question) -> Option<ExitCode> {
    let mesh = mesh.or_else(configured_mesh)?;
    let names = match std::fs::read_to_string(mesh::HOSTS) {
        Ok(text) => Names::read(&text),
        Err(_) => (Names::default(), Vec::new()),
    };
    let (names, []) = (names.0, names.1.as_slice()) else { return None };
    let mut block = Block { text: Vec::with_capacity(BLOCK + ROW), gap: b'[' };
    // Rows come in whole blocks, and what is in a block is written at once.
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned().ok()?);
    let mut is_read = true;
    let mut begun = false;
    let streamed = stream_now(&mesh, command, &mut |attributes| {
        let is_row = block.add(attributes, &names);
        if block.text.len() >= BLOCK {
            // Whoever has read enough closes the pipe.
            is_read = is_read && stdout.write_all(&block.text).is_ok();
            block.text.clear();
            begun = true;
        }
        is_row
    });
    let left_out = match streamed {
        Err(_) if !begun => return None,
        Err(error) => return Some(mesh::failed(&error)),
        Ok(table) if table.changed && !begun => return None,
        Ok(table) => {
            block.text.extend_from_slice(if block.gap == b'[' { b"[]\n" } else { b"]\n" });
            if table.changed {
                eprintln!("the table changed meanwhile: rows may be missing or doubled");
            }
            table.left_out
        }
    };
    if is_read {
        let _ = stdout.write_all(&block.text);
    }
    if left_out > 0 {
        eprintln!("{left_out} rows are left out");
    }
    Some(ExitCode::SUCCESS)
}

/// The configuration's mesh; nothing if there is something wrong with it.
fn configured_mesh() -> Option<IfName> {
    let (configured, fault) = configured();
    fault.is_none().then_some(configured.mesh)
}

/// Rows that are not written yet.
struct Block {
    text: Vec<u8>,
    /// What comes before the next row.
    gap: u8,
}

impl Block {
    /// Adds a row, if it can be read, and tells whether it could.
    fn add(&mut self, attributes: Attributes<'_>, names: &Names) -> bool {
        self.text.push(self.gap);
        let is_read =
            json::write_row(&mut self.text, attributes, &|address| names.of(address)).is_ok();
        if is_read {
            self.gap = b',';
        } else {
            self.text.pop();
        }
        is_read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recognized(words: &str) -> Option<Question> {
        plain(words.split_whitespace().map(OsStr::new))
    }

    #[test]
    fn only_whole_questions_are_recognized() {
        let (originators, clients) = (BatadvCmd::GetOriginators, BatadvCmd::GetTranstableGlobal);
        let mesh = "bat1".parse().ok();
        for (words, command, mesh) in [
            ("mesh originators --json", originators, None),
            ("mesh --json originators", originators, None),
            ("mesh --json --mesh bat1 originators", originators, mesh.clone()),
            ("mesh clients --global --json", clients, None),
            ("mesh clients --json --global --mesh bat1", clients, mesh),
        ] {
            assert_eq!(recognized(words), Some(Question { command, mesh }), "{words}");
        }
        for other in [
            "",
            "mesh",
            "originators --json",
            "mesh originators",
            "mesh originators --json --watch",
            "mesh originators --json --json",
            "mesh originators --global --json",
            "mesh originators --json --mesh",
            "mesh originators --json --mesh a/b",
            "mesh --global clients --json",
            "mesh clients --json",
            "mesh clients --global --json --local",
            "mesh clients --global --json x y",
        ] {
            assert_eq!(recognized(other), None, "{other}");
        }
    }

    #[test]
    fn row_that_is_cut_off_is_left_out_and_the_others_stay() {
        // LAST_SEEN_MSECS of 40 ms, and one that has lost two of its bytes.
        let whole = [8, 0, 23, 0, 40, 0, 0, 0];
        let cut = [6, 0, 23, 0, 40, 0, 0, 0];
        let mut block = Block { text: Vec::new(), gap: b'[' };

        let read =
            [whole, cut, whole].map(|row| block.add(Attributes::new(&row), &Names::default()));

        assert_eq!(block.text, br#"[{"last_seen_msecs":40},{"last_seen_msecs":40}"#);
        assert_eq!(read, [true, false, true]);
    }
}

//! What mesh-node, the program, has to be: static, loadable anywhere, stripped, and able to start.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use crate::{binaries, tools};

/// A section that holds symbols (`SHT_SYMTAB`): what stripping takes away.
const SYMBOLS: u32 = 2;

/// Builds the program, which is refused if it is not static-pie, and looks at the rest.
pub(super) fn check() -> Result<()> {
    let program = binaries::mesh_node()?;
    let bytes = std::fs::read(&program).with_context(|| program.display().to_string())?;
    let sections = section_types(&bytes).context("mesh-node is no ELF file of 64 bits")?;
    ensure!(!sections.contains(&SYMBOLS), "mesh-node is not stripped");

    let output = tools::command(&program.to_string_lossy())
        .arg("--version")
        .stdout(Stdio::piped())
        .output()
        .context("mesh-node cannot be started")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let expected = concat!("mesh-node ", env!("CARGO_PKG_VERSION"), "\n");
    ensure!(output.status.success() && told == expected, "mesh-node --version says {told:?}");
    Ok(())
}

/// The type of each section of a little-endian ELF file (gABI, "Sections").
fn section_types(program: &[u8]) -> Option<Vec<u32>> {
    if !program.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(field(program, 0x28)?)).ok()?;
    let length = usize::from(u16::from_le_bytes(field(program, 0x3a)?));
    let count = usize::from(u16::from_le_bytes(field(program, 0x3c)?));
    let kind = |number: usize| {
        let offset = table.checked_add(number * length)?.checked_add(4)?;
        field(program, offset).map(u32::from_le_bytes)
    };
    (0..count).map(kind).collect()
}

fn field<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(sections: &[u32]) -> Vec<u8> {
        let mut program = vec![0; 0x40];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        program[0x28] = 0x40;
        program[0x3a] = 64;
        program[0x3c] = u8::try_from(sections.len()).unwrap();
        for kind in sections {
            program.extend([0; 4]);
            program.extend(kind.to_le_bytes());
            program.extend([0; 56]);
        }
        program
    }

    #[test]
    fn symbols_are_seen_among_the_sections() {
        assert_eq!(section_types(&program(&[0, 1, SYMBOLS, 3])).unwrap(), [0, 1, SYMBOLS, 3]);
        assert_eq!(section_types(&program(&[])).unwrap(), [0; 0]);
    }

    #[test]
    fn own_unstripped_program_has_symbols() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();

        assert!(section_types(&own).unwrap().contains(&SYMBOLS));
    }

    #[test]
    fn broken_file_is_none() {
        let mut cut = program(&[1, 2]);
        cut.truncate(0x50);

        assert_eq!(section_types(&cut), None);
        assert_eq!(section_types(b"#!/bin/sh"), None);
    }
}

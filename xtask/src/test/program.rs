//! What the programs have to be: static, loadable anywhere, stripped, and able to start on their architecture.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use image::Architecture;

use crate::binaries::{self, Profile};
use crate::tools;

/// A section that holds symbols (`SHT_SYMTAB`): what stripping takes away.
const SYMBOLS: u32 = 2;

/// Builds the programs, which are refused if they are not static-pie, and looks at the rest: mesh-node as it ships for the host's
/// architecture, and quickly built for the others.
pub(super) fn check() -> Result<()> {
    for architecture in Architecture::ALL {
        let native = Some(architecture) == Architecture::of_host();
        let profile = if native { Profile::Release } else { Profile::Quick };
        let node = binaries::mesh_node(architecture, profile)?;
        check_node(&node, architecture)
            .with_context(|| format!("{} for {architecture}", node.display()))?;
        let agent = binaries::spire_agent(architecture)?;
        check_agent(&agent, architecture)
            .with_context(|| format!("{} for {architecture}", agent.display()))?;
    }
    for program in binaries::workstation()? {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        check_version(&mut tools::command(&program.to_string_lossy()), &name)?;
    }
    Ok(())
}

fn check_node(program: &Path, architecture: Architecture) -> Result<()> {
    let bytes = std::fs::read(program)?;
    let sections = section_types(&bytes).context("no ELF file")?;
    ensure!(!sections.contains(&SYMBOLS), "it is not stripped");
    check_version(&mut emulated(program, architecture), "mesh-node")?;
    // Cryptography that was compiled wrongly answers wrongly.
    tools::run(emulated(program, architecture).arg("self-check"))
}

fn check_version(command: &mut Command, name: &str) -> Result<()> {
    let told = output(command.arg("--version"))?;
    let expected = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
    ensure!(told == expected, "--version says {told:?}");
    Ok(())
}

fn check_agent(program: &Path, architecture: Architecture) -> Result<()> {
    let version = binaries::spire_version()?;
    let mut agent = emulated(program, architecture);
    // It tells its version as it tells of mistakes.
    let output = agent.arg("--version").output().context("it cannot be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "--version failed ({}): {told}", output.status);
    ensure!(told.trim() == version, "--version says {told:?} and not {version}");
    Ok(())
}

/// Prepares a program of another architecture to be run by an emulator.
fn emulated(program: &Path, architecture: Architecture) -> Command {
    let emulator = match architecture {
        native if Some(native) == Architecture::of_host() => {
            return tools::command(&program.to_string_lossy());
        }
        Architecture::X86_64 => "qemu-x86_64",
        Architecture::Aarch64 => "qemu-aarch64",
        Architecture::Armv7 => "qemu-arm",
    };
    let mut command = tools::command(emulator);
    command.arg(program);
    command
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{name} cannot be started"))?;
    ensure!(output.status.success(), "{name} failed ({})", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The type of each section of a little-endian ELF file (gABI, "Sections").
fn section_types(program: &[u8]) -> Option<Vec<u32>> {
    let [b'\x7f', b'E', b'L', b'F', class, 1] = *program.first_chunk()? else { return None };
    let (table, counts) = match class {
        1 => (u32::from_le_bytes(field(program, 0x20)?).into(), 0x2e),
        2 => (u64::from_le_bytes(field(program, 0x28)?), 0x3a),
        _ => return None,
    };
    let table = usize::try_from(table).ok()?;
    let length = usize::from(u16::from_le_bytes(field(program, counts)?));
    let count = usize::from(u16::from_le_bytes(field(program, counts + 2)?));
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

    fn program(class: u8, sections: &[u32]) -> Vec<u8> {
        let (table, length) = if class == 1 { (0x20, 0x2e) } else { (0x28, 0x3a) };
        let mut program = vec![0; 0x40];
        program[..6].copy_from_slice(b"\x7fELF\0\x01");
        program[4] = class;
        program[table] = 0x40;
        program[length] = 64;
        program[length + 2] = u8::try_from(sections.len()).unwrap();
        for kind in sections {
            program.extend([0; 4]);
            program.extend(kind.to_le_bytes());
            program.extend([0; 56]);
        }
        program
    }

    #[test]
    fn symbols_are_seen_among_the_sections() {
        for class in [1, 2] {
            let program = program(class, &[0, 1, SYMBOLS, 3]);
            assert_eq!(section_types(&program).unwrap(), [0, 1, SYMBOLS, 3]);
        }
        assert_eq!(section_types(&program(2, &[])).unwrap(), [0; 0]);
    }

    #[test]
    fn own_unstripped_program_has_symbols() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();

        assert!(section_types(&own).unwrap().contains(&SYMBOLS));
    }

    #[test]
    fn broken_file_is_none() {
        let mut cut = program(2, &[1, 2]);
        cut.truncate(0x50);

        assert_eq!(section_types(&cut), None);
        assert_eq!(section_types(b"#!/bin/sh"), None);
    }
}

//! How an ELF program is linked.

const PROGRAM_HEADER_OFFSET: usize = 32;
const PROGRAM_HEADER_SIZE: usize = 54;
const PROGRAM_HEADER_COUNT: usize = 56;
const TYPE: usize = 16;

const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const PT_INTERP: u32 = 3;

/// How a program is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// Needs no library and is loaded at a fixed address.
    Static,
    /// Needs no library and is loaded anywhere.
    StaticPie,
    /// Needs libraries and their loader.
    Dynamic,
}

/// Tells how a 64-bit little-endian program is linked; `None` for any other file.
pub fn linkage(program: &[u8]) -> Option<Linkage> {
    if program.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let first = usize::try_from(u64::from_le_bytes(bytes(program, PROGRAM_HEADER_OFFSET)?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes(program, PROGRAM_HEADER_SIZE)?));
    let count = usize::from(u16::from_le_bytes(bytes(program, PROGRAM_HEADER_COUNT)?));
    for index in 0..count {
        let header = first.checked_add(index * size)?;
        if u32::from_le_bytes(bytes(program, header)?) == PT_INTERP {
            return Some(Linkage::Dynamic);
        }
    }
    match u16::from_le_bytes(bytes(program, TYPE)?) {
        ET_EXEC => Some(Linkage::Static),
        ET_DYN => Some(Linkage::StaticPie),
        _ => None,
    }
}

fn bytes<const N: usize>(program: &[u8], at: usize) -> Option<[u8; N]> {
    program.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(kind: u16, segments: &[u32]) -> Vec<u8> {
        let mut program = vec![0; 64];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        program[TYPE..TYPE + 2].copy_from_slice(&kind.to_le_bytes());
        program[PROGRAM_HEADER_OFFSET] = 64;
        program[PROGRAM_HEADER_SIZE] = 56;
        program[PROGRAM_HEADER_COUNT] = u8::try_from(segments.len()).unwrap();
        for segment in segments {
            program.extend_from_slice(&segment.to_le_bytes());
            program.extend_from_slice(&[0; 52]);
        }
        program
    }

    #[test]
    fn linkage_is_told_by_type_and_interpreter() {
        let cases = [
            (program(ET_EXEC, &[1, 1]), Some(Linkage::Static)),
            (program(ET_DYN, &[1, 2]), Some(Linkage::StaticPie)),
            (program(ET_DYN, &[1, PT_INTERP]), Some(Linkage::Dynamic)),
            (program(ET_EXEC, &[PT_INTERP]), Some(Linkage::Dynamic)),
            (program(1, &[]), None),
            (b"#!/bin/sh".to_vec(), None),
            (Vec::new(), None),
        ];

        for (program, expected) in cases {
            assert_eq!(linkage(&program), expected);
        }
    }

    #[test]
    fn cut_off_program_is_none() {
        let whole = program(ET_DYN, &[1, 2]);

        assert_eq!(linkage(&whole[..70]), None);
    }
}

//! How an ELF program is linked.

/// The class in an ELF file's fifth byte.
const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;

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

/// Where a class of files has what is looked for (gABI, "ELF Header").
struct Places {
    /// The program headers' offset: a word of the class's size.
    table: usize,
    /// The length of one of them, and after it their count.
    header: usize,
}

/// Tells how a little-endian program is linked; `None` for any other file.
pub fn linkage(program: &[u8]) -> Option<Linkage> {
    let [b'\x7f', b'E', b'L', b'F', class, 1] = *program.first_chunk()? else { return None };
    let places = match class {
        CLASS_32 => Places { table: 28, header: 42 },
        CLASS_64 => Places { table: 32, header: 54 },
        _ => return None,
    };
    let first = if class == CLASS_32 {
        u64::from(u32::from_le_bytes(bytes(program, places.table)?))
    } else {
        u64::from_le_bytes(bytes(program, places.table)?)
    };
    let first = usize::try_from(first).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes(program, places.header)?));
    let count = usize::from(u16::from_le_bytes(bytes(program, places.header + 2)?));
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

    fn program(class: u8, kind: u16, segments: &[u32]) -> Vec<u8> {
        let (head, places, length): (u8, _, u8) = match class {
            CLASS_32 => (52, Places { table: 28, header: 42 }, 32),
            _ => (64, Places { table: 32, header: 54 }, 56),
        };
        let mut program = vec![0; head.into()];
        program[..6].copy_from_slice(b"\x7fELF\0\x01");
        program[4] = class;
        program[TYPE..TYPE + 2].copy_from_slice(&kind.to_le_bytes());
        program[places.table] = head;
        program[places.header] = length;
        program[places.header + 2] = u8::try_from(segments.len()).unwrap();
        for segment in segments {
            program.extend_from_slice(&segment.to_le_bytes());
            program.extend(vec![0; usize::from(length) - 4]);
        }
        program
    }

    #[test]
    fn linkage_is_told_by_type_and_interpreter() {
        for class in [CLASS_32, CLASS_64] {
            let cases = [
                (program(class, ET_EXEC, &[1, 1]), Some(Linkage::Static)),
                (program(class, ET_DYN, &[1, 2]), Some(Linkage::StaticPie)),
                (program(class, ET_DYN, &[1, PT_INTERP]), Some(Linkage::Dynamic)),
                (program(class, ET_EXEC, &[PT_INTERP]), Some(Linkage::Dynamic)),
                (program(class, 1, &[]), None),
            ];

            for (program, expected) in cases {
                assert_eq!(linkage(&program), expected);
            }
        }
    }

    #[test]
    fn other_files_have_no_linkage() {
        let whole = program(CLASS_64, ET_DYN, &[1, 2]);

        assert_eq!(linkage(&whole[..70]), None);
        assert_eq!(linkage(b"#!/bin/sh"), None);
        assert_eq!(linkage(b""), None);
    }
}

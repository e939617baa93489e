//! What a boot does before anything else runs: decisions only, `io::prepare` carries them out.

pub mod data_schema;
pub mod growth;
pub mod ladder;
pub mod report;
pub mod restoring;

/// The kernel parameter that takes the machine back to how it left the factory.
const FACTORY_RESET: &str = "mesh-node.factory-reset";

/// Tells whether the kernel's command line asks for a factory reset.
pub fn asks_for_factory_reset(command_line: &str) -> bool {
    command_line.split_ascii_whitespace().any(|word| word == FACTORY_RESET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_resets_a_router() {
        assert!(asks_for_factory_reset("root=PARTLABEL=root-a mesh-node.factory-reset quiet\n"));
        for other in ["", "mesh-node.factory-reset=0", "x.mesh-node.factory-reset", "factory-reset"]
        {
            assert!(!asks_for_factory_reset(other), "{other}");
        }
    }
}

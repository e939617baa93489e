use super::Incomplete;
use crate::codec::{BatadvCmd, BatadvMessage};

/// A row of one of batman-adv's tables: what [`Kernel::table`](crate::Kernel::table) and
/// [`Kernel::stream`](crate::Kernel::stream) can read.
///
/// The crate's own rows hold all that the kernel tells. A caller that wants less, or wants the
/// message as it came, implements this for a type of its own.
pub trait Row: for<'a> TryFrom<&'a BatadvMessage, Error = Incomplete> {
    /// The command that dumps the table.
    const COMMAND: BatadvCmd;

    /// Whether the kernel tells when the table changed while it was read. Where it does not, rows
    /// can be missing or doubled and nobody knows: the table may be torn.
    const CHANGES_ARE_TOLD: bool;
}

macro_rules! rows {
    ($($row:ident: $command:ident, $told:literal;)+) => {$(
        impl Row for super::$row {
            const COMMAND: BatadvCmd = BatadvCmd::$command;
            const CHANGES_ARE_TOLD: bool = $told;
        }
    )+};
}

// `genl_dump_check_consistent` is called for the entries of some tables only (net/batman-adv).
rows! {
    HardInterface: GetHardif, true;
    LocalClient: GetTranstableLocal, true;
    GlobalClient: GetTranstableGlobal, false;
    Originator: GetOriginators, false;
    Neighbour: GetNeighbors, false;
    Gateway: GetGateways, true;
    Claim: GetBlaClaim, true;
    Backbone: GetBlaBackbone, true;
    CachedAddress: GetDatCache, true;
    MulticastFlags: GetMcastFlags, true;
}

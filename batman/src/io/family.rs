//! The family `batadv` as the kernel has it now: its number and its multicast groups.

use netlink_packet_core::{NLM_F_ACK, NlasIterator, parse_u16};
use netlink_packet_generic::{
    GenlFamily, GenlMessage,
    constants::GENL_HDRLEN,
    ctrl::{
        GenlCtrl, GenlCtrlCmd,
        nlas::{GenlCtrlAttrs, McastGrpAttrs},
    },
};

use super::{
    BatadvFrame, Kernel, error,
    exchange::{Datagrams, Exchange, Failure},
};
use crate::{
    Errno, Error, IfIndex, Incomplete, Request, Result,
    codec::{BatadvAttr, BatadvCmd, BatadvMessage},
};

/// include/uapi/linux/genetlink.h.
const CTRL_ATTR_FAMILY_ID: u16 = 1;

/// The number that the kernel gave the family when batman-adv was loaded.
#[derive(Clone, Copy)]
pub(super) struct Family(u16);

impl Family {
    /// A question about a mesh.
    pub(super) fn ask(
        self,
        command: BatadvCmd,
        mesh: IfIndex,
        more: impl IntoIterator<Item = BatadvAttr>,
    ) -> BatadvFrame {
        let attributes = std::iter::once(BatadvAttr::MeshIfindex(mesh.0)).chain(more).collect();
        self.frame(BatadvMessage::new(command, attributes))
    }

    /// A question about no mesh.
    pub(super) fn ask_all(self, command: BatadvCmd) -> BatadvFrame {
        self.frame(BatadvMessage::new(command, Vec::new()))
    }

    fn frame(self, message: BatadvMessage) -> BatadvFrame {
        let mut frame = GenlMessage::from_payload(message);
        frame.set_resolved_family_id(self.0);
        frame
    }
}

impl Kernel {
    /// Finds the family. It gets a new number whenever the module is loaded, so none is kept.
    pub(super) async fn family(&mut self) -> Result<Family> {
        find(&mut self.generic).await
    }

    /// Finds the number of a multicast group of the family.
    pub(super) async fn group(&mut self, name: &str) -> Result<u32> {
        let mut groups = self.describe().await?.into_iter().filter_map(|attribute| {
            let GenlCtrlAttrs::McastGroups(groups) = attribute else { return None };
            groups.iter().find_map(|group| number(group, name))
        });
        groups.next().ok_or(absent("CTRL_ATTR_MCAST_GROUPS"))
    }

    async fn describe(&mut self) -> Result<Vec<GenlCtrlAttrs>> {
        let answer = self.generic.read(question()).await.map_err(unknown)?;
        Ok(answer.map(|answer| answer.payload.nlas).unwrap_or_default())
    }
}

/// Finds the number alone: all else that is told of a family is long, and every question begins here.
pub(super) async fn find<S: Datagrams>(exchange: &mut Exchange<S>) -> Result<Family> {
    let mut number = None;
    let answered = exchange.bytes(question(), NLM_F_ACK, |bytes| {
        let attributes = bytes.get(GENL_HDRLEN..).unwrap_or_default();
        let mut attributes = NlasIterator::new(attributes).map_while(Result::ok);
        let told = attributes.find(|nla| nla.kind() == CTRL_ATTR_FAMILY_ID);
        number = told.and_then(|nla| parse_u16(nla.value()).ok());
    });
    answered.await.map_err(unknown)?;
    number.map(Family).ok_or(absent("CTRL_ATTR_FAMILY_ID"))
}

fn question() -> GenlMessage<GenlCtrl> {
    let name = BatadvMessage::family_name().to_owned();
    let nlas = vec![GenlCtrlAttrs::FamilyName(name)];
    GenlMessage::from_payload(GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas })
}

fn unknown(failure: Failure) -> Error {
    match failure {
        Failure::Refused { errno: Errno::ENOENT, .. } => Error::NoBatmanAdv,
        failure => error(failure, Request::Family),
    }
}

/// The group's number, if it has this name.
fn number(group: &[McastGrpAttrs], wanted: &str) -> Option<u32> {
    let named = |attribute: &McastGrpAttrs| matches!(attribute, McastGrpAttrs::Name(name) if name == wanted);
    let number = |attribute: &McastGrpAttrs| match attribute {
        McastGrpAttrs::Id(number) => Some(*number),
        McastGrpAttrs::Name(_) => None,
    };
    group.iter().any(named).then(|| group.iter().find_map(number)).flatten()
}

fn absent(attribute: &'static str) -> Error {
    Error::Incomplete { request: Request::Family, source: Incomplete::Absent(attribute) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_is_found_by_its_name_in_either_order() {
        let name = || McastGrpAttrs::Name("config".to_owned());
        let id = McastGrpAttrs::Id(9);

        assert_eq!(number(&[name(), id.clone()], "config"), Some(9));
        assert_eq!(number(&[id.clone(), name()], "config"), Some(9));
        assert_eq!(number(&[id, name()], "tpmeter"), None);
        assert_eq!(number(&[name()], "config"), None);
    }
}

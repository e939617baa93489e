use super::{Incomplete, VlanId};
use crate::{IfIndex, IfName, MacAddr, codec::UeventMessage};

/// Something that batman-adv told of a mesh as an event of its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshEvent {
    /// The mesh device's name.
    pub mesh: IfName,
    /// The mesh device's index.
    pub mesh_index: IfIndex,
    /// What happened.
    pub happening: Happening,
}

/// What happened in a mesh (`batadv_throw_uevent` in net/batman-adv/main.c).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// This node, which had no gateway, uses one now.
    GatewayChosen(MacAddr),
    /// This node uses another gateway now.
    GatewayChanged(MacAddr),
    /// This node uses no gateway any longer.
    GatewayLost,
    /// Bridge loop avoidance found a loop that it cannot break.
    LoopDetected {
        /// The VLAN that loops; nothing for untagged packets.
        vlan: Option<VlanId>,
    },
    /// Something without a name here.
    Other {
        /// BATTYPE.
        kind: String,
        /// BATACTION.
        action: Option<String>,
        /// BATDATA.
        data: Option<String>,
    },
}

impl MeshEvent {
    /// Reads an event of a kernel object; nothing if it is not one of batman-adv's.
    ///
    /// # Errors
    /// An event of batman-adv's that lacks something, or says what makes no sense.
    pub fn read(message: &UeventMessage) -> Result<Option<Self>, Incomplete> {
        let Some(kind) = message.value(UeventMessage::TYPE) else { return Ok(None) };
        let name = message.value("INTERFACE").ok_or(Incomplete::Absent("INTERFACE"))?;
        let index = message.value("IFINDEX").ok_or(Incomplete::Absent("IFINDEX"))?;
        Ok(Some(Self {
            mesh: name.parse().map_err(|_| Incomplete::Senseless("INTERFACE"))?,
            mesh_index: IfIndex(index.parse().map_err(|_| Incomplete::Senseless("IFINDEX"))?),
            happening: happening(kind, message)?,
        }))
    }
}

fn happening(kind: &str, message: &UeventMessage) -> Result<Happening, Incomplete> {
    let action = message.value(UeventMessage::ACTION);
    let data = message.value(UeventMessage::DATA);
    let data_or = || data.ok_or(Incomplete::Absent(UeventMessage::DATA));
    let address = || data_or()?.parse().map_err(|_| Incomplete::Senseless(UeventMessage::DATA));
    Ok(match (kind, action) {
        ("gw", Some("add")) => Happening::GatewayChosen(address()?),
        ("gw", Some("change")) => Happening::GatewayChanged(address()?),
        ("gw", Some("del")) => Happening::GatewayLost,
        ("bla", Some("loopdetect")) => Happening::LoopDetected { vlan: vlan(data_or()?)? },
        _ => Happening::Other {
            kind: kind.to_owned(),
            action: action.map(str::to_owned),
            data: data.map(str::to_owned),
        },
    })
}

/// Reads `batadv_print_vid` (net/batman-adv/main.c): -1 is untagged.
fn vlan(text: &str) -> Result<Option<VlanId>, Incomplete> {
    if text == "-1" {
        return Ok(None);
    }
    let number = text.parse().ok().and_then(|number| VlanId::new(number).ok());
    number.map(Some).ok_or(Incomplete::Senseless(UeventMessage::DATA))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[&str], expected: &Result<Option<Happening>, Incomplete>) {
        let device = ["INTERFACE=bat0", "IFINDEX=5"];
        let variables = device.iter().chain(variables).map(|&text| text.to_owned()).collect();
        let message =
            UeventMessage::new("change".to_owned(), "/devices/bat0".to_owned(), variables);

        let event = MeshEvent::read(&message);

        if let Ok(Some(event)) = &event {
            assert_eq!((event.mesh.as_str(), event.mesh_index), ("bat0", IfIndex(5)));
        }
        assert_eq!(&event.map(|event| event.map(|event| event.happening)), expected);
    }

    #[test]
    fn gateway_is_chosen_changed_and_lost() {
        let gateway = MacAddr([2, 0, 0, 0, 0, 0xb]);
        let data = "BATDATA=02:00:00:00:00:0b";

        check(&["BATTYPE=gw", "BATACTION=add", data], &Ok(Some(Happening::GatewayChosen(gateway))));
        check(
            &["BATTYPE=gw", "BATACTION=change", data],
            &Ok(Some(Happening::GatewayChanged(gateway))),
        );
        check(&["BATTYPE=gw", "BATACTION=del"], &Ok(Some(Happening::GatewayLost)));
    }

    #[test]
    fn loop_is_told_by_its_vlan() {
        let check = |data, vlan| {
            let variables = ["BATTYPE=bla", "BATACTION=loopdetect", data];
            check(&variables, &Ok(Some(Happening::LoopDetected { vlan })));
        };

        check("BATDATA=-1", None);
        check("BATDATA=100", VlanId::new(100).ok());
    }

    #[test]
    fn event_of_a_later_kind_is_kept_as_it_came() {
        let other =
            Happening::Other { kind: "tt".to_owned(), action: Some("add".to_owned()), data: None };

        check(&["BATTYPE=tt", "BATACTION=add"], &Ok(Some(other)));
    }

    #[test]
    fn event_of_another_device_is_none_and_a_senseless_one_says_so() {
        let senseless = Err(Incomplete::Senseless("BATDATA"));

        check(&["SUBSYSTEM=net"], &Ok(None));
        check(&["BATTYPE=gw", "BATACTION=add", "BATDATA=x"], &senseless);
        check(&["BATTYPE=bla", "BATACTION=loopdetect", "BATDATA=4096"], &senseless);
        check(&["BATTYPE=gw", "BATACTION=add"], &Err(Incomplete::Absent("BATDATA")));
    }
}

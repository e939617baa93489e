use super::{Kind, Value};

/// What a knob belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The mesh device: GET_MESH and SET_MESH.
    Mesh,
    /// One hard interface: GET_HARDIF and SET_HARDIF.
    HardInterface,
    /// One VLAN of the mesh device: GET_VLAN and SET_VLAN.
    Vlan,
}

/// All that is said about a knob anywhere.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name, within its scope.
    pub name: &'static str,
    /// What it belongs to.
    pub scope: Scope,
    /// The attribute that carries it, by its number.
    pub attribute: &'static str,
    /// Its unit and its range.
    pub kind: Kind,
    /// The kernel's default under B.A.T.M.A.N. IV; see [`Knob::default`](super::Knob::default).
    pub default: Value,
    /// The option without which a kernel lacks it; nothing for what every batman-adv has.
    pub needs: Option<&'static str>,
    /// What it does, in a sentence.
    pub sentence: &'static str,
    /// Where it acts in the kernel, below net/batman-adv.
    pub source: &'static str,
}

impl About {
    /// Says why a kernel may lack it.
    pub fn why_lacking(&self) -> String {
        match self.needs {
            Some(option) => format!("it was built without {option}, or is too old"),
            None => "its batman-adv is too old".to_owned(),
        }
    }
}

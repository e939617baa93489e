macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What a mesh device has counted since it was created (`batadv_counters_strings` in
        /// net/batman-adv/mesh-interface.c). What this kernel was built without is absent.
        ///
        /// Packets and bytes are those of the mesh device's clients unless it says otherwise; a
        /// number wraps at 64 bits.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])+ pub $name: Option<u64>,)+
            /// Counters without a name here, as they came.
            pub other: Vec<(String, u64)>,
        }

        impl Counters {
            /// Returns every counter that is there, by the kernel's name for it.
            pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
                let known = [$((stringify!($name), self.$name)),+];
                let other = self.other.iter().map(|(name, value)| (name.as_str(), *value));
                known.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(other)
            }
        }

        impl Extend<(String, u64)> for Counters {
            fn extend<I: IntoIterator<Item = (String, u64)>>(&mut self, named: I) {
                for (name, value) in named {
                    match name.as_str() {
                        $(stringify!($name) => self.$name = Some(value),)+
                        _ => self.other.push((name, value)),
                    }
                }
            }
        }

        impl FromIterator<(String, u64)> for Counters {
            fn from_iter<I: IntoIterator<Item = (String, u64)>>(named: I) -> Self {
                let mut counters = Self::default();
                counters.extend(named);
                counters
            }
        }
    };
}

counters! {
    /// Packets sent into the mesh.
    tx,
    /// Bytes sent into the mesh.
    tx_bytes,
    /// Packets that were to be sent and were not.
    tx_dropped,
    /// Packets taken out of the mesh.
    rx,
    /// Bytes taken out of the mesh.
    rx_bytes,
    /// Packets passed on for other nodes.
    forward,
    /// Bytes passed on for other nodes, with their headers.
    forward_bytes,
    /// Packets of the routing protocol sent.
    mgmt_tx,
    /// Bytes of the routing protocol sent.
    mgmt_tx_bytes,
    /// Packets of the routing protocol received.
    mgmt_rx,
    /// Bytes of the routing protocol received.
    mgmt_rx_bytes,
    /// Fragments sent.
    frag_tx,
    /// Bytes sent in fragments.
    frag_tx_bytes,
    /// Fragments received.
    frag_rx,
    /// Bytes received in fragments.
    frag_rx_bytes,
    /// Fragments passed on for other nodes.
    frag_fwd,
    /// Bytes passed on in fragments.
    frag_fwd_bytes,
    /// Requests for clients sent.
    tt_request_tx,
    /// Requests for clients received.
    tt_request_rx,
    /// Answers about clients sent.
    tt_response_tx,
    /// Answers about clients received.
    tt_response_rx,
    /// Announcements of a client that moved sent.
    tt_roam_adv_tx,
    /// Announcements of a client that moved received.
    tt_roam_adv_rx,
    /// Multicast packets sent to several nodes at once; CONFIG_BATMAN_ADV_MCAST.
    mcast_tx,
    /// Bytes of these.
    mcast_tx_bytes,
    /// Those among them that came from this node.
    mcast_tx_local,
    /// Bytes of these.
    mcast_tx_local_bytes,
    /// Multicast packets for several nodes received; CONFIG_BATMAN_ADV_MCAST.
    mcast_rx,
    /// Bytes of these.
    mcast_rx_bytes,
    /// Those among them that were for this node.
    mcast_rx_local,
    /// Bytes of these.
    mcast_rx_local_bytes,
    /// Multicast packets for several nodes passed on; CONFIG_BATMAN_ADV_MCAST.
    mcast_fwd,
    /// Bytes of these.
    mcast_fwd_bytes,
    /// Questions to the distributed ARP table sent; CONFIG_BATMAN_ADV_DAT.
    dat_get_tx,
    /// Questions to the distributed ARP table received; CONFIG_BATMAN_ADV_DAT.
    dat_get_rx,
    /// Entries for the distributed ARP table sent; CONFIG_BATMAN_ADV_DAT.
    dat_put_tx,
    /// Entries for the distributed ARP table received; CONFIG_BATMAN_ADV_DAT.
    dat_put_rx,
    /// ARP requests of clients answered out of the cache; CONFIG_BATMAN_ADV_DAT.
    dat_cached_reply_tx,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_find_their_place_by_name_and_strangers_are_kept() {
        let named = [("rx", 0), ("nc_code", 7), ("tx", 3)];

        let counters: Counters =
            named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();

        assert_eq!((counters.tx, counters.rx, counters.mcast_tx), (Some(3), Some(0), None));
        assert_eq!(counters.iter().collect::<Vec<_>>(), [("tx", 3), ("rx", 0), ("nc_code", 7)]);
    }
}

//! What batctl calls flags; [`crate::codec`]'s own words are for people.

/// Words, and the bits that they stand for.
pub(super) type Words = &'static [(&'static str, u32)];

/// enum batadv_tt_client_flags.
pub(super) const CLIENT: Words = &[
    ("del", 1),
    ("roam", 1 << 1),
    ("wifi", 1 << 4),
    ("isolated", 1 << 5),
    ("nopurge", 1 << 8),
    ("new", 1 << 9),
    ("pending", 1 << 10),
    ("temp", 1 << 11),
];

/// enum batadv_mcast_flags.
pub(super) const MULTICAST: Words = &[
    ("all_unsnoopables", 1),
    ("want_all_ipv4", 1 << 1),
    ("want_all_ipv6", 1 << 2),
    ("want_no_rtr_ipv4", 1 << 3),
    ("want_no_rtr_ipv6", 1 << 4),
    ("have_mc_ptype_capa", 1 << 5),
];

/// enum batadv_mcast_flags_priv.
pub(super) const MULTICAST_PRIVATE: Words = &[
    ("bridged", 1),
    ("querier_ipv4_exists", 1 << 1),
    ("querier_ipv6_exists", 1 << 2),
    ("querier_ipv4_shadowing", 1 << 3),
    ("querier_ipv6_shadowing", 1 << 4),
];

/// enum batadv_dbg_level.
pub(super) const LOG_LEVELS: Words = &[
    ("batman", 1),
    ("routes", 1 << 1),
    ("tt", 1 << 2),
    ("bla", 1 << 3),
    ("dat", 1 << 4),
    ("nc", 1 << 5),
    ("mcast", 1 << 6),
    ("tp", 1 << 7),
];

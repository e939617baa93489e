//! Addresses.

use super::{settings::whole, *};
use crate::{Address, Lan, MacAddr};

#[test]
fn addresses_that_others_added_stay_and_ours_follow_the_wish() {
    let (wanted, mut kernel) = whole(BatmanIv);
    let wanted = wanted.with_addresses(vec!["10.0.0.1/24".parse().unwrap()]).unwrap();
    let addresses = &mut kernel.link("bat0").addresses;
    addresses.push(("192.0.2.1/24".parse().unwrap(), false));
    addresses.push(("10.0.0.2/24".parse().unwrap(), true));

    check_wanted(
        &wanted,
        kernel,
        &["remove address 10.0.0.2/24 from bat0", "add address 10.0.0.1/24 to bat0"],
        &[],
    );
}

#[test]
fn address_under_another_prefix_is_in_the_way_in_ipv6_only() {
    for is_ours in [false, true] {
        let (wanted, mut kernel) = whole(BatmanIv);
        let addresses = ["10.0.0.1/24", "fd00::1/64"].map(|text| text.parse().unwrap());
        let wanted = wanted.with_addresses(addresses.into()).unwrap();
        kernel.link("bat0").addresses.push(("10.0.0.1/16".parse().unwrap(), false));
        kernel.link("bat0").addresses.push(("fd00::1/128".parse().unwrap(), is_ours));

        check_wanted(
            &wanted,
            kernel,
            &[
                "remove address fd00::1/128 from bat0 (to add it again with /64)",
                "add address 10.0.0.1/24 to bat0",
                "add address fd00::1/64 to bat0",
            ],
            &[],
        );
    }
}

#[test]
fn addresses_move_to_the_bridge_with_the_mesh() {
    let (wanted, mut kernel) = whole(BatmanIv);
    let lan = Lan { bridge: "br-lan".parse().unwrap(), ports: vec![] };
    let wanted = wanted.with_addresses(vec!["10.0.0.1/24".parse().unwrap()]).unwrap();
    let wanted = wanted.with_lan(lan).unwrap();
    kernel.link("bat0").addresses.push(("10.0.0.1/24".parse().unwrap(), true));

    check_wanted(
        &wanted,
        kernel.with_kind("br-lan", "bridge"),
        &[
            "add port bat0 to br-lan",
            "remove address 10.0.0.1/24 from bat0",
            "add address 10.0.0.1/24 to br-lan",
        ],
        &[],
    );
}

#[test]
fn link_without_a_link_local_address_gets_one() {
    let (wanted, mut kernel) = whole(BatmanIv);
    kernel.link("bat0").addresses.clear();

    check_wanted(&wanted, kernel, &["add link-local address to bat0"], &[]);
}

#[test]
fn address_that_somebody_else_has_too_is_named() {
    let (wanted, mut kernel) = whole(BatmanIv);
    let address = "fd00::1/64".parse().unwrap();
    let wanted = wanted.with_addresses(vec![address]).unwrap();
    let link = kernel.link("bat0");
    let own = Address::link_local(MacAddr(link.address));
    link.addresses = vec![(own, false), (address, true), ("fd00::2/64".parse().unwrap(), false)];
    link.duplicates = link.addresses.iter().map(|(address, _)| *address).collect();

    check_wanted(
        &wanted,
        kernel,
        &[],
        &[
            "fe80::ff:fe00:1 on bat0 is used by somebody else too",
            "fd00::1 on bat0 is used by somebody else too",
        ],
    );
}

#[test]
fn link_local_address_of_another_hardware_address_that_somebody_else_has_too_is_none() {
    let (wanted, mut kernel) = whole(BatmanIv);
    let failed: Address = "fe80::1/64".parse().unwrap();
    kernel.link("bat0").addresses = vec![(failed, false)];
    kernel.link("bat0").duplicates.insert(failed);

    check_wanted(
        &wanted,
        kernel,
        &["add link-local address to bat0"],
        &["fe80::1 on bat0 is used by somebody else too"],
    );
}

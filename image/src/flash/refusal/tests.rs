use super::*;
use crate::flash::{Device, DeviceNumber, Machine};

const GIB: u64 = 1 << 30;
const IMAGE: Size = Size(256 << 20);

fn disk(name: &str, minor: u32, attachment: Attachment) -> Device {
    Device {
        name: name.to_owned(),
        number: DeviceNumber { major: 8, minor },
        size: Size(8 * GIB),
        sector: 512,
        disk: None,
        holders: Vec::new(),
        is_read_only: false,
        attachment,
        model: String::new(),
        backing_file: None,
    }
}

fn part(name: &str, minor: u32, of: &str, holders: &[&str]) -> Device {
    let holders = holders.iter().map(|it| (*it).to_owned()).collect();
    let disk = disk(name, minor, Attachment::Fixed);
    Device { disk: Some(of.to_owned()), holders, ..disk }
}

fn volume(name: &str, minor: u32, holders: &[&str]) -> Device {
    let holders = holders.iter().map(|it| (*it).to_owned()).collect();
    Device { holders, ..disk(name, minor, Attachment::Volume) }
}

fn mounted(minor: u32, point: &str) -> (DeviceNumber, String) {
    (DeviceNumber { major: 8, minor }, point.to_owned())
}

/// A workstation: sda is its own (encrypted volumes, RAID), sdb a stick with a mounted partition, sdc an empty stick.
fn workstation() -> Machine {
    Machine {
        devices: vec![
            disk("sda", 0, Attachment::Fixed),
            part("sda1", 1, "sda", &[]),
            part("sda2", 2, "sda", &["dm-0"]),
            volume("dm-0", 100, &["dm-1", "dm-2"]),
            volume("dm-1", 101, &[]),
            volume("dm-2", 102, &[]),
            disk("sdb", 16, Attachment::Usb),
            part("sdb1", 17, "sdb", &[]),
            disk("sdc", 32, Attachment::Removable),
            part("sdc1", 33, "sdc", &[]),
        ],
        mounts: vec![mounted(101, "/"), mounted(17, "/media/my stick"), mounted(17, "/mnt")],
        swaps: Vec::new(),
        members: Vec::new(),
    }
}

fn told(machine: &Machine, name: &str, may_be_fixed: bool) -> Vec<String> {
    let device = machine.devices.iter().find(|it| it.name == name).unwrap();
    let refusals = refusals(&machine.disk(device), IMAGE, may_be_fixed);
    refusals.iter().map(ToString::to_string).collect()
}

fn check(machine: &Machine, name: &str, expected: &[&str]) {
    assert_eq!(told(machine, name, false), expected, "{name}");
}

fn changed(change: impl FnOnce(&mut Machine)) -> Machine {
    let mut machine = workstation();
    change(&mut machine);
    machine
}

fn device<'a>(machine: &'a mut Machine, name: &str) -> &'a mut Device {
    machine.devices.iter_mut().find(|it| it.name == name).unwrap()
}

#[test]
fn stick_that_nothing_uses_may_be_written() {
    check(&workstation(), "sdc", &[]);
}

#[test]
fn disk_under_the_root_is_refused_through_every_volume_between() {
    let expected = ["sda is a disk of this computer's own system (dm-1 at /)"];

    check(&workstation(), "sda", &expected);
    assert_eq!(told(&workstation(), "sda", true), expected, "whatever is said");
}

#[test]
fn disks_of_boot_and_swap_are_the_systems_too() {
    for point in ["/boot", "/boot/efi", "/usr", "/var/lib/machines", "/home"] {
        let machine = changed(|it| it.mounts.push(mounted(33, point)));

        let expected = format!("sdc is a disk of this computer's own system (sdc1 at {point})");
        check(&machine, "sdc", &[&expected]);
    }
    let machine = changed(|it| it.swaps.push(DeviceNumber { major: 8, minor: 33 }));
    check(&machine, "sdc", &["sdc is a disk of this computer's own system (sdc1 as swap)"]);
}

#[test]
fn mounted_partitions_are_named_with_their_mounts() {
    let expected = ["sdb1 is mounted at /media/my stick", "sdb1 is mounted at /mnt"];

    check(&workstation(), "sdb", &expected);
    assert_eq!(told(&workstation(), "sdb", true), expected);
    let machine = changed(|it| it.mounts.push(mounted(32, "/bootstrap")));
    check(&machine, "sdc", &["sdc is mounted at /bootstrap"]);
}

#[test]
fn volumes_and_members_are_in_use_though_not_mounted() {
    let machine = changed(|it| device(it, "sdc1").holders.push("md0".to_owned()));
    check(&machine, "sdc", &["md0 lies upon sdc1"]);

    let machine = changed(|it| device(it, "sdc").holders.push("dm-7".to_owned()));
    check(&machine, "sdc", &["dm-7 lies upon sdc"]);

    let machine = changed(|it| it.members.push("sdc1".to_owned()));
    check(&machine, "sdc", &["sdc1 is a member of a mounted file system"]);
}

#[test]
fn holders_that_hold_one_another_end_the_search() {
    let machine = changed(|it| {
        device(it, "sdc").holders.push("dm-2".to_owned());
        device(it, "dm-2").holders.push("sdc".to_owned());
    });

    check(&machine, "sdc", &["sdc lies upon dm-2", "dm-2 lies upon sdc"]);
}

#[test]
fn built_in_disk_is_written_only_if_that_is_said() {
    let machine = changed(|it| it.devices.push(disk("sdd", 48, Attachment::Fixed)));

    check(&machine, "sdd", &["sdd is not removable (built in)"]);
    assert_eq!(told(&machine, "sdd", true), [""; 0]);
    for attachment in [Attachment::Usb, Attachment::SdCard, Attachment::Removable] {
        check(&changed(|it| device(it, "sdc").attachment = attachment), "sdc", &[]);
    }
}

#[test]
fn partitions_and_volumes_are_no_disks() {
    check(&workstation(), "sdc1", &["sdc1 is a partition"]);
    check(&workstation(), "dm-2", &["dm-2 is no disk by itself"]);
    assert_eq!(told(&workstation(), "dm-2", true), ["dm-2 is no disk by itself"]);
}

#[test]
fn disk_that_cannot_take_the_image_is_refused_with_every_reason() {
    let machine = changed(|it| {
        device(it, "sdc").size = Size(IMAGE.0 - 1);
        device(it, "sdc").is_read_only = true;
    });
    check(
        &machine,
        "sdc",
        &["sdc is write-protected", "sdc has 255.9 MiB, the image needs 256 MiB"],
    );

    check(&changed(|it| device(it, "sdc").size = IMAGE), "sdc", &[]);
    check(
        &changed(|it| device(it, "sdc").sector = 4096),
        "sdc",
        &["sdc has sectors of 4096 bytes, the image is for 512"],
    );
    check(&changed(|it| device(it, "sdc").size = Size(0)), "sdc", &["there is no medium in sdc"]);
}

#[test]
fn remedies_can_be_typed_as_they_stand() {
    let remedies: Vec<_> = {
        let machine = workstation();
        let device = machine.devices.iter().find(|it| it.name == "sdb").unwrap();
        refusals(&machine.disk(device), IMAGE, false).iter().map(Refusal::remedy).collect()
    };

    assert_eq!(remedies, ["umount '/media/my stick'", "umount /mnt"]);
    let partition = Refusal::Partition { partition: "sdc1".to_owned(), disk: "sdc".to_owned() };
    assert_eq!(partition.remedy(), "name the whole disk: /dev/sdc");
    let missing = |path: &str| Refusal::Missing { path: path.into() }.remedy();
    assert_eq!(missing("/dev/sdx"), "plug it in; `mesh-image list` shows the disks");
    assert_eq!(missing("router.img"), "to make a file of that name, add --size 1GiB");
    assert_eq!(quoted("/a'b"), "'/a'\\''b'");
}

#[test]
fn refusals_are_told_by_name() {
    let refusal = Refusal::TooSmall { disk: "sdc".to_owned(), available: Size(1), needed: IMAGE };

    let told = serde_json::to_string(&refusal).unwrap();

    let expected = r#"{"refusal":"too-small","disk":"sdc","available":1,"needed":268435456}"#;
    assert_eq!(told, expected);
}

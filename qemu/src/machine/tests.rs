use super::*;

fn spec() -> MachineSpec {
    MachineSpec {
        name: "alpha".into(),
        architecture: Architecture::X86_64,
        memory_mib: 256,
        boot: Boot::Direct {
            kernel: "/lab/vmlinux".into(),
            initramfs: Some("/lab/initramfs".into()),
            command_line: "console=ttyS0 net.ifnames=0".into(),
        },
        clock: Clock::Host,
        disk: Some("/lab/alpha/disk".into()),
        uplink_mac: MacAddr::of_link(1, 0),
        uplink: Uplink::Host,
        links: vec![MeshLink { number: 1, mac: MacAddr::of_link(1, 1) }],
        accel: Accel::Tcg,
        sockets: "/s".into(),
        logs: "/lab/alpha".into(),
    }
}

fn check(spec: &MachineSpec, expected: &str) {
    let arguments = spec.arguments();

    let lines: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(join_pairs(&arguments), lines);
}

/// Puts an option and its value on one line.
fn join_pairs(arguments: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for argument in arguments {
        match lines.last_mut() {
            Some(line) if !argument.starts_with('-') => {
                line.push(' ');
                line.push_str(argument);
            }
            _ => lines.push(argument.clone()),
        }
    }
    lines
}

#[test]
fn a_router_has_two_consoles_an_uplink_a_mesh_card_and_a_disk() {
    check(
        &spec(),
        "
        -name alpha
        -accel tcg,tb-size=64
        -M q35
        -cpu max
        -m 256
        -nodefaults
        -no-user-config
        -display none
        -device i6300esb
        -action watchdog=reset
        -kernel /lab/vmlinux
        -initrd /lab/initramfs
        -append console=ttyS0 net.ifnames=0
        -chardev file,id=serial,path=/lab/alpha/serial.log,append=on
        -serial chardev:serial
        -device virtio-serial-pci
        -chardev socket,id=hvc0,path=/s/alpha.hvc0,server=on,wait=off
        -device virtconsole,chardev=hvc0
        -chardev socket,id=hvc1,path=/s/alpha.hvc1,server=on,wait=off
        -device virtconsole,chardev=hvc1
        -chardev socket,id=qmp,path=/s/alpha.qmp,server=on,wait=off
        -mon chardev=qmp,mode=control
        -netdev user,id=eth0,ipv6=off
        -device virtio-net-pci,id=card-eth0,netdev=eth0,mac=02:6d:65:00:01:00,romfile=
        -netdev dgram,id=eth1,local.type=unix,local.path=/s/alpha.eth1,remote.type=unix,remote.path=/s/alpha.port1
        -device virtio-net-pci,id=card-eth1,netdev=eth1,mac=02:6d:65:00:01:01,romfile=
        -drive if=none,id=disk,format=raw,cache=unsafe,file=/lab/alpha/disk
        -device virtio-blk-pci,drive=disk
        ",
    );
}

#[test]
fn a_machine_without_an_uplink_keeps_eth0_so_that_the_mesh_starts_at_eth1() {
    let arguments = MachineSpec { uplink: Uplink::Nothing, ..spec() }.arguments();

    assert!(arguments.contains(&"hubport,id=eth0,hubid=0".to_owned()));
    assert!(!arguments.iter().any(|argument| argument.starts_with("user,")));
}

#[test]
fn a_comma_in_a_path_does_not_end_the_option() {
    let arguments = MachineSpec { disk: Some("/a,b".into()), ..spec() }.arguments();

    assert!(arguments.iter().any(|argument| argument.ends_with("file=/a,,b")));
}

#[test]
fn a_machine_without_disk_and_initramfs_has_no_word_of_them() {
    let boot = Boot::Direct {
        kernel: "/lab/vmlinux".into(),
        initramfs: None,
        command_line: String::new(),
    };

    let arguments = MachineSpec { disk: None, boot, ..spec() }.arguments();

    assert!(!arguments.iter().any(|a| a.contains("disk") || a == "-initrd"));
}

#[test]
fn firmware_finds_its_kernel_on_the_disk_and_writes_to_a_memory_of_its_own() {
    let boot = Boot::Firmware { code: "/code".into(), variables: Some("/vars".into()) };

    let arguments = MachineSpec { boot, ..spec() }.arguments().join(" ");

    assert!(arguments.contains("-drive if=pflash,format=raw,readonly=on,file=/code"));
    assert!(arguments.contains("-drive if=pflash,format=raw,file=/vars"));
    assert!(!arguments.contains("-kernel"));
}

#[test]
fn an_arm_machine_has_its_own_type_and_a_watchdog_only_where_a_kernel_drives_it() {
    let boot = Boot::Firmware { code: "/u-boot.bin".into(), variables: None };
    let armv7 =
        MachineSpec { architecture: Architecture::Armv7, boot, clock: Clock::Unset, ..spec() };

    let arguments = armv7.arguments().join(" ");

    assert!(arguments.contains("-M virt,highmem=off -cpu cortex-a7 "));
    assert!(arguments.contains("-rtc base=1970-01-01T00:00:00"));
    assert!(arguments.contains("-bios /u-boot.bin"));
    assert!(!arguments.contains("i6300esb"));
}

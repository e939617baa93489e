use super::*;

/// A small tree in which everything agrees.
fn tree() -> Tree {
    let mut own: BTreeMap<String, String> = [
        ("external.desc", "name: MESH_NODE\n"),
        ("Config.in", "source \"$BR2_EXTERNAL_MESH_NODE_PATH/package/door/Config.in\"\n"),
        ("package/door/Config.in", "config BR2_PACKAGE_DOOR\n\tbool \"door\"\n"),
        ("package/door/door.mk", "DOOR_VERSION = 1.2\n\n$(eval $(generic-package))\n"),
        ("package/door/door.hash", "sha256  00  door-1.2.tar.gz\n"),
        ("fragments/programs.config", "BR2_PACKAGE_DOOR=y\n"),
        ("fragments/kernel.config", KERNEL),
        ("kernel/base.config", "CONFIG_NET=y\n# CONFIG_SWAP is not set\n"),
        ("patches/linux/linux.hash", "sha256  00  linux-6.12.1.tar.xz\n"),
        ("system/permissions.txt", "/etc/rcS f 755 0 0 - - - - -\n"),
        ("system/users.txt", "- - tty 5 - - - - consoles\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into();
    for architecture in ARCHITECTURES {
        let defconfig = format!(
            "BR2_LINUX_KERNEL_IMAGE=y\n\
             BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE=\"$(BR2_EXTERNAL_MESH_NODE_PATH)/kernel/{architecture}.config\"\n"
        );
        own.insert(format!("configs/mesh_node_{architecture}_defconfig"), defconfig);
        own.insert(format!("kernel/{architecture}.config"), "CONFIG_SMP=y\n".to_owned());
        let facts = "board=b\nkernel=Image\nloader=l.efi\n".to_owned();
        own.insert(format!("board/{architecture}/facts"), facts);
    }
    Tree {
        all: own.keys().map(|it| format!("buildroot/{it}")).collect(),
        own,
        programs: ["/etc/rcS".to_owned()].into(),
        groups: "root:x:0:\ntty:x:5:\n".to_owned(),
    }
}

const KERNEL: &str = "BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE=\"6.12.1\"\n\
    BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES=\"$(BR2_EXTERNAL_MESH_NODE_PATH)/kernel/base.config\"\n";

fn check(tree: &Tree, expected: &[&str]) {
    let told: Vec<_> = tree.check().iter().map(|it| format!("{}: {}", it.place, it.what)).collect();

    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn tree_that_agrees_with_itself_is_left_alone() {
    check(&tree(), &[]);
}

#[test]
fn contradictions_are_told_where_they_are() {
    for (path, from, to, expected) in [
        ("external.desc", "NODE", "NOD", "external.desc: is not named"),
        ("Config.in", "door/Config.in", "window/Config.in", "Config.in: names package/window"),
        ("package/door/Config.in", "_DOOR", "_DOORS", "package/door: does not define"),
        ("package/door/door.mk", "1.2", "1.3", "package/door: is downloaded without a hash of"),
        ("package/door/door.mk", "$(eval $(generic-package))", "", "is made into no package"),
        ("fragments/programs.config", "=y", "=\"\"", "is not asked for on every architecture"),
        ("fragments/kernel.config", "6.12.1", "6.12.2", "has no hash of  linux-6.12.2"),
        ("system/permissions.txt", " -\n", "\n", "does not have ten fields"),
        ("system/permissions.txt", "755", "644", "/etc/rcS is no program"),
        ("system/users.txt", "5", "6", "system/users.txt: has the groups"),
        ("board/armv7/facts", "Image", "zImage", "no BR2_LINUX_KERNEL_ZIMAGE=y"),
        ("board/armv7/facts", "loader=l.efi\n", "", "board/armv7/facts: does not hold"),
    ] {
        let mut tree = tree();
        let text = tree.own.get_mut(path).unwrap();
        assert!(text.contains(from), "{path} has {from:?}");
        *text = text.replacen(from, to, 1);

        let told: Vec<_> =
            tree.check().iter().map(|it| format!("{}: {}", it.place, it.what)).collect();

        assert!(told.iter().any(|it| it.contains(expected)), "{expected}: {told:?}");
    }
}

#[test]
fn program_without_permission_is_told() {
    let mut tree = tree();
    tree.programs.insert("/etc/rcK".to_owned());

    check(&tree, &["leaves out /etc/rcK"]);
}

#[test]
fn option_asked_for_twice_is_told_on_the_architecture_that_does() {
    let mut tree = tree();
    tree.own.get_mut("kernel/armv7.config").unwrap().push_str("# CONFIG_NET is not set\n");

    check(&tree, &["kernel/base.config: asks for CONFIG_NET, as kernel/armv7.config does"]);
}

#[test]
fn line_that_kconfig_would_skip_is_told() {
    for (line, expected) in [
        ("CONFIG_NET=y", Request::Symbol("CONFIG_NET")),
        ("CONFIG_PANIC_TIMEOUT=5", Request::Symbol("CONFIG_PANIC_TIMEOUT")),
        ("CONFIG_LOCALVERSION=\"-a\"", Request::Symbol("CONFIG_LOCALVERSION")),
        ("# CONFIG_SWAP is not set", Request::Symbol("CONFIG_SWAP")),
        ("# why", Request::Comment),
        ("CONFIG_NET = y", Request::Ill),
        ("CONFIG_NET=m", Request::Ill),
        ("NET=y", Request::Ill),
        ("CONFIG_NET", Request::Ill),
        ("CONFIG_LOCALVERSION=\"-a", Request::Ill),
    ] {
        assert_eq!(request(line), expected, "{line}");
    }
}

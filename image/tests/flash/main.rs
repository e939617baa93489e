//! Flashes files and disks that are none, and reads back what is on them.
#![expect(clippy::disallowed_methods, reason = "tests make files and run the program")]

#[cfg(test)]
mod bench;

use std::fs::{self, File};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use image::flash::{Attachment, Failure, Stage, Watcher};
use image::io::flash::{Kernel, Order, Unable, observe};
use image::update::Digest;
use image::{Architecture, Size};

use bench::{Bench, Loop, MIB, TOKEN, Until, has_table, held, kept};

#[test]
fn provisioned_file_holds_the_image_and_what_one_router_is_given() {
    let bench = Bench::new();

    let flash = bench.prepare(&bench.order("router.img", Some(16))).unwrap();
    assert_eq!(flash.loss(), None, "a new file loses nothing");
    let flashed = flash.run(&mut Until(None)).unwrap();

    assert_eq!((flashed.bytes, flashed.bytes_behind), (9 * MIB, 7 * MIB));
    assert_eq!(flashed.architecture, Some(Architecture::Aarch64));
    let router = bench.path("router.img");
    let kept = kept(&router);
    let names: Vec<_> = kept.iter().map(|(path, mode, _)| (path.as_str(), *mode)).collect();
    assert_eq!(
        names,
        [
            ("hostname", 0o644),
            ("mesh-node/config.toml", 0o644),
            ("spire/bundle.pem", 0o644),
            ("spire/join_token", 0o600),
        ]
    );
    assert_eq!(kept[3].2.trim(), TOKEN);
    assert_eq!(fs::metadata(&router).unwrap().permissions().mode() & 0o777, 0o600);
    let mut root = vec![0; 1 << 20];
    File::open(&router).unwrap().read_exact_at(&mut root, 4 * MIB).unwrap();
    assert!(root.iter().all(|it| *it == 0xa5));
}

#[test]
fn file_that_others_could_read_is_closed_to_them_before_a_secret_is_in_it() {
    let bench = Bench::new();
    let router = bench.path("router.img");
    fs::write(&router, vec![0; 12 << 20]).unwrap();
    fs::set_permissions(&router, fs::Permissions::from_mode(0o644)).unwrap();

    let flash = bench.prepare(&bench.order("router.img", None)).unwrap();
    flash.run(&mut Until(None)).unwrap();

    assert_eq!(kept(&router)[3].2.trim(), TOKEN);
    assert_eq!(fs::metadata(&router).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn more_than_a_router_can_keep_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    let node = format!("[node]\nname = \"router-1\"\n# {}\n", "x".repeat(200 << 10));
    fs::write(bench.path("router-1.toml"), node).unwrap();

    let unable = bench.prepare(&bench.order("router.img", Some(16))).unwrap_err();

    let Unable::Keep(unfit) = unable else { panic!("{unable:?}") };
    assert!(unfit.to_string().contains("the router keeps them twice"), "{unfit}");
    assert!(!bench.path("router.img").exists());
}

#[test]
fn what_was_on_a_file_before_is_gone_where_the_image_lies() {
    let bench = Bench::new();
    fs::write(bench.path("router.img"), vec![0xee; 12 << 20]).unwrap();
    let order = Order { provision: None, ..bench.order("router.img", None) };

    let flash = bench.prepare(&order).unwrap();
    let (what, name) = flash.loss().unwrap();
    flash.run(&mut Until(None)).unwrap();

    assert!(what.ends_with("router.img (a file, 12 MiB)"), "{what}");
    assert_eq!(name, "router.img");
    let image = fs::read(bench.path("disk.img")).unwrap();
    let router = fs::read(bench.path("router.img")).unwrap();
    assert!(router[..image.len()] == image);
    assert!(router[11 << 20..].iter().all(|it| *it == 0), "an older table's second copy is gone");
}

#[test]
fn flash_broken_off_leaves_no_table_and_says_so() {
    for stage in [Stage::Writing, Stage::Verifying] {
        let bench = Bench::new();
        fs::copy(bench.path("disk.img"), bench.path("router.img")).unwrap();

        let flash = bench.prepare(&bench.order("router.img", None)).unwrap();
        let unable = flash.run(&mut Until(Some(stage))).unwrap_err();

        assert!(
            matches!(&unable, Unable::HalfWay { failure: Failure::Interrupted, .. }),
            "{unable:?}"
        );
        assert!(unable.to_string().contains("is not bootable now"), "{unable}");
        assert!(!has_table(&bench.path("router.img")), "{stage:?}");
    }
}

#[test]
fn flash_broken_off_while_the_image_is_checked_writes_nothing() {
    let bench = Bench::new();

    let flash = bench.prepare(&bench.order("router.img", Some(16))).unwrap();
    let unable = flash.run(&mut Until(Some(Stage::Checking))).unwrap_err();

    assert!(matches!(unable, Unable::Untouched(Failure::Interrupted)), "{unable:?}");
    assert!(!bench.path("router.img").exists());
}

#[test]
fn damaged_image_is_found_before_anything_is_written() {
    let bench = Bench::new();
    let image = bench.path("disk.img");
    let digest = Digest::of(&fs::read(&image).unwrap());
    let contents = format!("{{\"files\": [{{\"name\": \"disk.img\", \"sha256\": \"{digest}\"}}]}}");
    let beside =
        [("disk.img.sha256", format!("{digest}  disk.img\n")), ("contents.json", contents)];

    for (name, text) in beside {
        fs::write(bench.path(name), text).unwrap();
        let good = bench.prepare(&bench.order("good.img", Some(16))).unwrap();
        assert_eq!(good.run(&mut Until(None)).unwrap().checked_by, Some(bench.path(name)));
        fs::remove_file(bench.path("good.img")).unwrap();

        let file = File::options().write(true).open(&image).unwrap();
        file.write_all_at(b"x", 4 * MIB).unwrap();
        let bad = bench.prepare(&bench.order("router.img", Some(16))).unwrap();
        let unable = bad.run(&mut Until(None)).unwrap_err();
        file.write_all_at(&[0xa5], 4 * MIB).unwrap();

        assert!(matches!(unable, Unable::Damaged { .. }), "{unable:?}");
        assert!(!bench.path("router.img").exists());
        fs::remove_file(bench.path(name)).unwrap();
    }
}

#[test]
fn files_that_cannot_take_the_image_are_left_alone() {
    let bench = Bench::new();
    fs::write(bench.path("small.img"), b"mine").unwrap();
    symlink(bench.path("disk.img"), bench.path("link.img")).unwrap();
    let check = |device: &str, size, expected: &str| {
        let told = bench.refusal(&bench.order(device, size));
        assert!(told.ends_with(expected), "{told}");
    };

    check("gone.img", None, "gone.img");
    check("new.img", Some(8), "new.img has 8 MiB, the image needs 9 MiB");
    check("small.img", None, "small.img has 4 B, the image needs 9 MiB");
    check("disk.img", None, "disk.img is the image itself");
    check("link.img", None, "link.img is the image itself");
    check("sys", None, "sys is neither a disk nor a file");
    check("/dev/null", None, "/dev/null is neither a disk nor a file");
    check("/dev/no-such-disk", Some(16), "there is no /dev/no-such-disk");
    assert_eq!(fs::read(bench.path("small.img")).unwrap(), b"mine");
    assert!(!bench.path("new.img").exists());
    fs::write(bench.path("large.img"), vec![0; 10 << 20]).unwrap();
    check("large.img", Some(9), "large.img has 10 MiB already");
}

#[test]
fn file_in_use_is_refused() {
    let bench = Bench::new();
    let router = bench.path("router.img");
    fs::copy(bench.path("disk.img"), &router).unwrap();
    let backing = fs::canonicalize(&router).unwrap();
    let first = bench.prepare(&bench.order("router.img", None)).unwrap();

    // Another flash that is under way.
    let mut second = None;
    struct Meanwhile<'a>(&'a Bench, &'a mut Option<String>);
    impl Watcher for Meanwhile<'_> {
        fn advanced(&mut self, stage: Stage, _: u64, _: u64) -> ControlFlow<()> {
            if stage == Stage::Writing && self.1.is_none() {
                let other = self.0.prepare(&self.0.order("router.img", None)).unwrap();
                let unable = other.run(&mut Until(None)).unwrap_err();
                let Unable::Refused(refusals) = unable else { panic!("{unable:?}") };
                *self.1 = Some(refusals[0].to_string());
            }
            ControlFlow::Continue(())
        }
    }
    first.run(&mut Meanwhile(&bench, &mut second)).unwrap();
    assert!(second.unwrap().ends_with("router.img is in use"));

    bench.device("loop0", "7:0", &[("loop/backing_file", backing.to_str().unwrap())]);
    let told = bench.refusal(&bench.order("router.img", None));
    assert!(told.ends_with("router.img is in use as loop0"), "{told}");
}

#[test]
fn faults_of_provisioning_are_told_before_the_disk_is_looked_at() {
    let bench = Bench::new();
    fs::write(bench.path("provision.toml"), "nam = 1\nconfig = \"gone.toml\"\n").unwrap();

    let told = bench.program(&[
        "flash",
        "/dev/no-such-disk",
        "--image",
        "disk.img",
        "--provision",
        "provision.toml",
    ]);

    assert_eq!(told.status.code(), Some(65));
    let lines = String::from_utf8(told.stderr).unwrap();
    let places: Vec<_> = lines.lines().map(|it| it.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["provision.toml:1:1", "provision.toml:1:1", "provision.toml:2:10"]);
}

#[test]
fn nobody_is_shown_the_token_and_everybody_is_warned_who_shows_it() {
    let bench = Bench::new();
    let token = bench.path("token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();

    for more in [&["--json"][..], &[]] {
        let arguments = ["flash", "router.img", "--image", "disk.img", "--size", "16MiB"];
        let provision = ["--provision", "provision.toml", "--yes"];
        let told = bench.program(&[&arguments[..], &provision, more].concat());

        assert!(told.status.success(), "{told:?}");
        let all = [told.stdout, told.stderr].concat();
        let all = String::from_utf8(all).unwrap();
        assert!(all.contains("token holds a secret and others may read it: chmod 600"), "{all}");
        assert!(!all.contains(TOKEN), "{all}");
    }
}

#[test]
fn events_are_lines_of_json_and_end_with_what_came_of_it() {
    let bench = Bench::new();
    let events = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let told = bench.program(arguments);
        let lines = String::from_utf8(told.stdout).unwrap();
        lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    };

    let flashed =
        events(&["flash", "router.img", "--image", "disk.img", "--size", "16MiB", "--json"]);
    let refused = events(&["flash", "router.img", "--image", "disk.img", "--json"]);

    for stage in ["checking", "writing", "verifying"] {
        let whole = flashed.iter().rfind(|it| it["stage"] == stage).unwrap();
        assert_eq!(whole["done"], whole["total"], "{stage}");
    }
    assert_eq!(flashed.last().unwrap()["event"], "flashed");
    assert_eq!(flashed.last().unwrap()["bytes"], 9 * MIB);
    let last = refused.last().unwrap();
    assert_eq!(last["event"], "failed");
    assert_eq!(last["details"][0]["refusal"], "nobody-to-ask");
}

#[test]
fn disks_are_told_apart_by_what_the_kernel_says() {
    let bench = Bench::new();
    let bus = bench.path("sys/devices/pci/usb2/2-1/block");
    fs::create_dir_all(&bus).unwrap();
    bench.device("sda", "8:0", &[("removable", "0"), ("device/model", "Rotating Rust")]);
    bench.device("sda/sda1", "8:1", &[("partition", "1"), ("holders/dm-0/x", "")]);
    bench.device("sdb", "8:16", &[("removable", "0"), ("ro", "1")]);
    symlink(&bus, bench.path("sys/block/sdb/device")).unwrap();
    bench.device("mmcblk0", "179:0", &[("device/type", "SD"), ("device/name", "SC32G")]);
    bench.device("mmcblk1", "179:8", &[("device/type", "MMC")]);
    bench.device("sdc", "8:32", &[("removable", "1"), ("device/vendor", "Acme"), ("size", "0")]);
    bench.device("dm-0", "254:0", &[("queue/logical_block_size", "4096")]);
    bench.device("sr0", "11:0", &[("removable", "1"), ("device/model", "DVD")]);
    bench.device("cciss!c0d0", "104:0", &[("device/x", "")]);

    let (sys, proc) = (bench.path("sys"), bench.path("proc"));
    let machine = observe(Kernel { sys: &sys, proc: &proc }).unwrap();

    let told: Vec<_> = machine
        .disks()
        .into_iter()
        .map(|it| (it.device.name, it.device.attachment, it.device.model))
        .collect();
    let row = |name: &str, attachment, model: &str| (name.to_owned(), attachment, model.to_owned());
    assert_eq!(
        told,
        [
            row("cciss/c0d0", Attachment::Fixed, ""),
            row("dm-0", Attachment::Volume, ""),
            row("mmcblk0", Attachment::SdCard, "SC32G"),
            row("mmcblk1", Attachment::Fixed, ""),
            row("sda", Attachment::Fixed, "Rotating Rust"),
            row("sdb", Attachment::Usb, ""),
            row("sdc", Attachment::Removable, "Acme"),
        ]
    );
    let device = |name: &str| machine.devices.iter().find(|it| it.name == name).unwrap();
    assert_eq!(device("sda1").disk.as_deref(), Some("sda"));
    assert_eq!(device("sda1").holders, ["dm-0"]);
    assert_eq!((device("sdb").is_read_only, device("sdb").size), (true, Size(10 << 30)));
    assert_eq!((device("dm-0").sector, device("sdc").size), (4096, Size(0)));
}

#[test]
fn block_device_is_flashed_when_it_is_meant_and_not_while_it_is_used() {
    let bench = Bench::new();
    let behind = bench.path("behind");
    fs::write(&behind, vec![0xee; 16 << 20]).unwrap();
    let Some(device) = Loop::over(&behind) else {
        let told = "no loop device can be had here (root and losetup are needed): a real block device was NOT flashed\n";
        let _ = std::io::stderr().write_all(told.as_bytes());
        return;
    };
    let flash = |more: &[&str]| {
        let arguments = ["flash", &device.0, "--image", "disk.img", "--yes"];
        let told = bench.program(&[&arguments[..], more].concat());
        (told.status.code(), String::from_utf8(told.stderr).unwrap())
    };
    let whole = ["--fixed-disk", "--provision", "provision.toml"];

    let (status, told) = flash(&[]);
    assert_eq!(status, Some(77));
    assert!(told.contains("is not removable (file as disk)"), "{told}");

    let holder = held(Path::new(&device.0));
    let (status, told) = flash(&whole);
    assert_eq!(status, Some(77));
    assert!(told.contains(&format!("{} is in use", device.0)), "{told}");
    drop(holder);

    let (status, told) = flash(&whole);
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(kept(&behind).len(), 4);
    assert!(fs::read(&behind).unwrap()[15 << 20..].iter().all(|it| *it == 0));
}

//! What can be proven of `buildroot/` without Buildroot, and what Buildroot itself proves of it where it is at hand.

mod busybox;
mod kernel;
mod style;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use image::Architecture;

pub(crate) use self::kernel::kept;
use self::tree::Tree;
use super::own_files;
use crate::{tools, workspace};

/// Where the tree is.
const TREE: &str = "buildroot";

/// What it builds for.
const ARCHITECTURES: [&str; 3] = ["x86_64", "aarch64", "armv7"];

/// The overlay that it shares with every other image.
const OVERLAY: &str = "image/rootfs";

/// Where a person says that Buildroot is.
const CHECKOUT: &str = "BUILDROOT_DIR";

/// What stays unproven everywhere.
const NOT_BUILT: &str =
    "Buildroot's build: it takes hours and sources from outside the package registries";

/// What stays unproven without Buildroot.
const NOT_CONFIGURED: &str = "buildroot/fragments and package/ by Buildroot's own Kconfig and check-package: say BUILDROOT_DIR";

/// What stays unproven without check-package.
const NO_CHECK_PACKAGE: &str =
    "buildroot/ by Buildroot's check-package: Python lacks the packages flake8 and python-magic";

/// Something in the tree that is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    place: String,
    what: String,
}

/// Makes every check and returns what could not be proven.
///
/// # Errors
/// When something is wrong; each fault has been told then.
pub(super) fn check() -> Result<Vec<&'static str>> {
    let tree = read()?;
    let mut faults = tree.check();
    faults.extend(tree.own.iter().flat_map(|(path, text)| style::check(path, text)));
    for fault in &faults {
        eprintln!("{TREE}/{}: {}", fault.place, fault.what);
    }
    ensure!(faults.is_empty(), "{} faults", faults.len());
    kernel::check(&tree).context("the kernel")?;
    busybox::check(&tree).context("busybox")?;

    let mut unproven = vec![NOT_BUILT];
    match std::env::var_os(CHECKOUT) {
        Some(checkout) => unproven.extend(ask_buildroot(&tree, Path::new(&checkout))?),
        None => unproven.push(NOT_CONFIGURED),
    }
    Ok(unproven)
}

/// The files that ask for the kernel's options on an architecture, in the order they are put together.
pub(crate) fn kernel_fragments(architecture: Architecture) -> Result<Vec<PathBuf>> {
    let tree = read()?;
    let files = tree.kernel_files(architecture.name());
    ensure!(files.len() > 1, "no kernel configuration is named");
    Ok(files.into_iter().map(|it| workspace::root().join(TREE).join(it)).collect())
}

/// Lets Buildroot configure every architecture, and check the tree by its own rules.
fn ask_buildroot(tree: &Tree, checkout: &Path) -> Result<Vec<&'static str>> {
    let checkout = checkout.canonicalize().with_context(|| checkout.display().to_string())?;
    for architecture in ARCHITECTURES {
        let mut make = tools::command("make");
        make.current_dir(workspace::root().join(TREE)).arg(format!("{architecture}-config"));
        make.arg(format!("{CHECKOUT}={}", checkout.display()));
        make.arg(format!("OUT={}", workspace::target("check-buildroot").display()));
        tools::run(&mut make).with_context(|| architecture.to_owned())?;
    }
    let known = checkout.join("package/busybox/busybox.config");
    let known = fs::read_to_string(&known).with_context(|| known.display().to_string())?;
    let unknown = unknown(tree, &known);
    ensure!(unknown.is_empty(), "busybox does not know {}", unknown.join(", "));

    check_package(tree, &checkout)
}

/// Runs Buildroot's own check, if this machine's Python can: it is not ours to install packages into.
fn check_package(tree: &Tree, checkout: &Path) -> Result<Vec<&'static str>> {
    let mut python = Command::new("python3");
    python.args(["-c", "import flake8, magic"]).stderr(Stdio::null());
    if !python.status().is_ok_and(|it| it.success()) {
        return Ok(vec![NO_CHECK_PACKAGE]);
    }
    let files = tree.own.keys().map(|it| workspace::root().join(TREE).join(it));
    let mut check_package = Command::new("python3");
    check_package.arg(checkout.join("utils/check-package")).arg("--br2-external").args(files);
    tools::run(check_package.stdout(Stdio::from(io::stderr()))).context("check-package")?;
    Ok(Vec::new())
}

/// The busybox options that are not in a full configuration of it.
fn unknown<'a>(tree: &'a Tree, known: &str) -> Vec<&'a str> {
    let known: BTreeSet<_> = known.lines().filter_map(busybox::symbol).collect();
    let fragments = tree.own.iter().filter(|(path, _)| path.starts_with("busybox/"));
    let asked = fragments.flat_map(|(_, text)| text.lines()).filter_map(busybox::symbol);
    asked.filter(|it| !known.contains(it)).collect()
}

fn read() -> Result<Tree> {
    let mut tree = Tree::default();
    for path in own_files("")? {
        let file = workspace::root().join(&path);
        if let Some(own) = path.strip_prefix(TREE).and_then(|it| it.strip_prefix('/')) {
            tree.own.insert(own.to_owned(), text(&file)?);
        }
        if let Some(program) = path.strip_prefix(OVERLAY) {
            let metadata = file.symlink_metadata().with_context(|| path.clone())?;
            if metadata.is_file() && metadata.permissions().mode() & 0o100 != 0 {
                tree.programs.insert(program.to_owned());
            }
        }
        tree.all.insert(path);
    }
    tree.groups = text(&workspace::root().join(OVERLAY).join("etc/group"))?;
    Ok(tree)
}

fn text(file: &PathBuf) -> Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_tree_agrees_with_itself_and_is_written_by_the_rules() {
        let tree = read().unwrap();

        let mut faults = tree.check();
        faults.extend(tree.own.iter().flat_map(|(path, text)| style::check(path, text)));

        assert_eq!(faults, []);
        assert!(tree.own.len() > 30, "{} files were found", tree.own.len());
    }

    #[test]
    fn option_that_kconfig_dropped_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (given, asked) = (directory.path().join("given"), directory.path().join("asked"));
        fs::write(&given, "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=y\n").unwrap();
        let check = |text: &str| {
            fs::write(&asked, text).unwrap();
            kept(&given, std::iter::once(asked.clone()))
        };

        check("# why\nCONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_C is not set\n").unwrap();
        for (text, expected) in [
            ("CONFIG_A=y\nCONFIG_B=y\n", "CONFIG_B=y"),
            ("CONFIG_C=y\n", "CONFIG_C=y"),
            ("# CONFIG_D is not set\n", "CONFIG_D=y (asked for: off)"),
            ("CONFIG_A=\"y\"\n", "CONFIG_A=\"y\""),
        ] {
            let told = format!("{:#}", check(text).unwrap_err());
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn busybox_option_that_is_spelt_wrong_is_named() {
        let mut tree = Tree::default();
        tree.own.insert(
            "busybox/a.config".to_owned(),
            "# CONFIG_ASH is not set\nCONFIG_VY=y\n".to_owned(),
        );

        assert_eq!(unknown(&tree, "CONFIG_ASH=y\n# CONFIG_VI is not set\n"), ["CONFIG_VY"]);
    }
}

//! Installs what the other commands need and this machine lacks, and says what and why.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use image::Architecture;

use crate::progress::stage;
use crate::{binaries, workspace};

/// A program of the host, the Debian package that brings it, and what it is needed for.
struct Tool {
    program: &'static str,
    package: &'static str,
    purpose: &'static str,
}

const TOOLS: [Tool; 11] = [
    Tool::new("qemu-system-x86_64", "qemu-system-x86", "boots the machines of the lab"),
    Tool::new("qemu-system-aarch64", "qemu-system-arm", "boots the lab's ARM machines"),
    Tool::new("/usr/share/OVMF/OVMF_CODE_4M.fd", "ovmf", "is the firmware of the lab's machines"),
    Tool::new("/usr/lib/u-boot/qemu_arm/u-boot.bin", "u-boot-qemu", "is that of its ARM machines"),
    Tool::new("qemu-arm", "qemu-user", "runs programs of ARM routers"),
    Tool::new("mksquashfs", "squashfs-tools", "packs the root file system"),
    Tool::new("mke2fs", "e2fsprogs", "makes the data file system"),
    Tool::new("depmod", "kmod", "lists what kernel modules need"),
    Tool::new("xz", "xz-utils", "unpacks kernel modules"),
    Tool::new("zstd", "zstd", "unpacks the kernel"),
    Tool::new("shellcheck", "shellcheck", "checks the shell scripts"),
];

/// What compiles a kernel beside the compiler, which Rust needs as well.
const KERNEL_TOOLS: [Tool; 5] = [
    Tool::new("make", "make", "compiles a kernel"),
    Tool::new("flex", "flex", "reads what a kernel can be configured to"),
    Tool::new("bison", "bison", "reads what a kernel can be configured to"),
    Tool::new("bc", "bc", "computes a kernel's constants"),
    Tool::new("/usr/include/libelf.h", "libelf-dev", "checks a kernel's code"),
];

/// What compiles a module for a kernel of Debian's, with the compiler of that kernel.
const MODULE_TOOLS: [Tool; 3] = [
    Tool::new("make", "make", "compiles a kernel module"),
    Tool::new("gcc-12", "gcc-12", "compiled the kernel that it is for"),
    Tool::new("/usr/lib/x86_64-linux-gnu/libelf.so.1", "libelf1", "checks its code"),
];

/// Python packages that bring the cross-compiler, exact so that two machines build the same.
const PYTHON_PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.0"];

/// Built from the crates registry: Debian has no package of it.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Where package installers put programs that an ordinary user's PATH leaves out.
const SYSTEM_PROGRAMS: &str = "/usr/sbin:/sbin";

impl Tool {
    const fn new(program: &'static str, package: &'static str, purpose: &'static str) -> Self {
        Self { program, package, purpose }
    }
}

/// Installs everything that is missing; quick when nothing is.
pub(crate) fn install() -> Result<()> {
    install_packages(&TOOLS)?;
    check_go()?;
    install_rust_targets()?;
    install_python_packages()
}

/// Installs what only a kernel of our own needs.
pub(crate) fn install_for_kernel() -> Result<()> {
    install_packages(&KERNEL_TOOLS)
}

/// Installs what only a kernel module of our own needs.
pub(crate) fn install_for_module() -> Result<()> {
    install_packages(&MODULE_TOOLS)
}

/// Installs what only checks need: clippy and rustfmt, and the program that judges dependencies.
pub(crate) fn install_linters() -> Result<()> {
    let is_there = |subcommand: &str| {
        let mut cargo = command("cargo");
        let cargo = cargo.current_dir(workspace::root()).args([subcommand, "--version"]);
        cargo.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
    };
    if !is_there("clippy") || !is_there("fmt") {
        eprintln!("installing clippy and rustfmt: they check the sources");
        stage("installing clippy and rustfmt", || {
            run(command("rustup").current_dir(workspace::root()).args([
                "component",
                "add",
                "clippy",
                "rustfmt",
            ]))
        })?;
    }
    if !is_there("deny") {
        eprintln!("installing {CARGO_DENY}: it judges licences and versions; some minutes, once");
        stage("installing cargo-deny", || {
            run(command("cargo")
                .current_dir(workspace::root())
                .args(["install", "--quiet", "--locked", CARGO_DENY]))
        })?;
    }
    Ok(())
}

/// The PATH under which the installed tools are found, the virtual environment's first.
pub(crate) fn path() -> OsString {
    let mut path = environment().join("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path.push(":");
    path.push(SYSTEM_PROGRAMS);
    path
}

/// Prepares a command that finds the installed tools and leaves standard output to us.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(find(program).unwrap_or_else(|| PathBuf::from(program)));
    command.env("PATH", path()).stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
    // The machine's own settings may forbid what SPIRE needs, and send builds where nobody looks for them.
    command.env("GOTOOLCHAIN", "auto").env("CARGO_TARGET_DIR", workspace::target(""));
    command
}

/// Runs a command and takes anything but success for an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} cannot be started"))?;
    ensure!(status.success(), "{program} failed ({status})");
    Ok(())
}

fn install_packages(tools: &[Tool]) -> Result<()> {
    let missing: Vec<_> = tools.iter().filter(|it| !is_installed(it.program)).collect();
    if missing.is_empty() && has_venv() {
        return Ok(());
    }
    let mut packages: Vec<_> = missing.iter().map(|it| it.package).collect();
    for tool in &missing {
        eprintln!("installing {}: {} {}", tool.package, tool.program, tool.purpose);
    }
    if !has_venv() {
        eprintln!("installing python3-venv: it holds the cross-compiler");
        packages.push("python3-venv");
    }
    update_lists()?;
    stage("installing packages", || {
        let mut command = apt_get(&format!("install {}", packages.join(" ")))?;
        run(command.args(["install", "--yes", "--no-install-recommends"]).args(packages))
    })
}

/// Updates apt's lists. One list that cannot be had, of somebody else's packages perhaps, does not stop us:
/// what is missing in the end is said by the installation.
pub(crate) fn update_lists() -> Result<()> {
    stage("updating the package lists", || {
        if let Err(error) = run(apt_get("update")?.arg("update")) {
            eprintln!("going on although {error:#}");
        }
        Ok(())
    })
}

/// Whether a program, or a file that is no program, is there.
fn is_installed(program: &str) -> bool {
    find(program).is_some_and(|it| it.is_file())
}

fn has_venv() -> bool {
    environment().join("bin/pip").exists()
        || Command::new("python3")
            .args(["-c", "import ensurepip, venv"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|it| it.success())
}

/// apt-get with the right to install; those who have none are told what an administrator would run.
fn apt_get(by_hand: &str) -> Result<Command> {
    let id = Command::new("id").arg("-u").output().context("id cannot be started")?;
    let mut command = if id.stdout.starts_with(b"0\n") {
        command("apt-get")
    } else if find("sudo").is_some() {
        let mut sudo = command("sudo");
        // It may have to ask for a password.
        sudo.stdin(Stdio::inherit()).args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        bail!(
            "packages are missing, and this is neither root nor is sudo there; as root, run: apt-get {by_hand}"
        )
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    // A machine that has just booted may be updating itself, and a registry may stumble.
    command.args(["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]);
    Ok(command)
}

fn check_go() -> Result<()> {
    ensure!(
        find("go").is_some(),
        "Go is missing: install Go 1.21 or newer (a newer release that SPIRE needs it fetches by itself)"
    );
    Ok(())
}

/// rustup installs what rust-toolchain.toml lists together with the toolchain, but not to one that is there already.
fn install_rust_targets() -> Result<()> {
    for architecture in [Architecture::X86_64, Architecture::Aarch64] {
        let target = binaries::target(architecture);
        if !rustc(&["--print", "target-libdir", "--target", target])?.is_dir() {
            rustup(&["target", "add", target], "Rust's standard library: mesh-node links it")?;
        }
    }
    if !rustc(&["--print", "sysroot"])?.join("lib/rustlib/src/rust/library/std").is_dir() {
        rustup(&["component", "add", "rust-src"], "its source, which is compiled for armv7")?;
    }
    Ok(())
}

/// Asks the compiler for a path.
fn rustc(arguments: &[&str]) -> Result<PathBuf> {
    let told = Command::new("rustc").current_dir(workspace::root()).args(arguments).output();
    let told = told.context("rustc cannot be started")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&told.stdout).trim_end()))
}

fn rustup(arguments: &[&str], what: &str) -> Result<()> {
    eprintln!("installing {what}");
    stage("installing parts of Rust", || {
        run(command("rustup").current_dir(workspace::root()).args(arguments))
    })
}

fn install_python_packages() -> Result<()> {
    let environment = environment();
    let installed = environment.join("installed");
    let wanted = PYTHON_PACKAGES.join("\n");
    if std::fs::read_to_string(&installed).is_ok_and(|it| it == wanted) {
        return Ok(());
    }
    eprintln!("installing {}: they cross-compile mesh-node", PYTHON_PACKAGES.join(" and "));
    stage("installing the cross-compiler", || {
        run(command("python3").args(["-m", "venv"]).arg(&environment))?;
        let pip = environment.join("bin/pip");
        run(command(&pip.to_string_lossy()).args(["install", "--quiet"]).args(PYTHON_PACKAGES))
    })?;
    std::fs::write(&installed, wanted).with_context(|| installed.display().to_string())
}

/// The Python virtual environment that holds the cross-compiler.
fn environment() -> PathBuf {
    workspace::target("tools/venv")
}

fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).exists().then(|| PathBuf::from(program));
    }
    std::env::split_paths(&path()).map(|it| it.join(program)).find(|it| Path::is_file(it))
}

//! Builds the machines that run one program of ours on a kernel of Debian's, beside batctl and mesh-node.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use image::Architecture;
use image::io::Sources;
use image::io::rig::{self, Contents, Rig};
use qemu::scenario::{BatmanAdv, Recipe, Scenario, Way};

use crate::binaries::Profile;
use crate::image::{Kernel, manifest};
use crate::kernel::lean;
use crate::progress::stage;
use crate::{binaries, tools, workspace};

/// Debian's packages that depend on its kernels. The first has the images' kernel, whose headers the host knows too; of the
/// second backports may have one of the same series that is older.
const KERNELS: [&str; 2] = ["linux-image-6.12-amd64", "linux-image-amd64"];

/// batctl and what it is linked with.
const PACKAGES: [&str; 4] = ["batctl", "libnl-3-200", "libnl-genl-3-200", "libc6"];

/// What meshes, cables, a bridge, a VLAN and a link to nowhere take.
const MODULES: [&str; 6] = ["crc32c_generic", "batman-adv", "veth", "bridge", "8021q", "dummy"];

/// Lists the rigs that scenarios ask for.
pub(crate) fn wanted(scenarios: &[&'static Scenario]) -> BTreeSet<Recipe> {
    let recipes = scenarios.iter().filter_map(|it| match it.way {
        Way::OnRig { recipe, .. } => Some(recipe),
        _ => None,
    });
    recipes.collect()
}

/// Builds rigs; nothing is built where none is asked for.
pub(crate) fn build(wanted: BTreeSet<Recipe>) -> Result<BTreeMap<Recipe, Rig>> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let node = binaries::mesh_node(Architecture::X86_64, Profile::Release)?;
    let init = workspace::root().join("qemu/rig/init");
    let sources = Sources {
        overlay: workspace::root().join("image/rootfs"),
        initramfs_init: init.clone(),
        programs: BTreeMap::new(),
        own_kernel: None,
        cache: workspace::target("debian"),
    };
    let modules = MODULES.map(str::to_owned);
    let rig = |recipe: Recipe| {
        let Recipe { series, program, batman_adv } = recipe;
        let test = binaries::test_program(program)?;
        let programs = [("test", test.as_path()), ("usr/sbin/mesh-node", &node)];
        let mut manifest = manifest(Architecture::X86_64, Kernel::Debian)?;
        manifest.kernel.series = series.to_owned();
        manifest.kernel.packages = KERNELS.map(str::to_owned).to_vec();
        let lean = batman_adv == BatmanAdv::Lean;
        let word = if lean { "-lean" } else { "" };
        let directory = workspace::target("rig").join(format!("{program}-{series}{word}"));
        let build = || {
            let lean = lean.then(|| lean::batman_adv(&rig::release(&manifest, &sources)?));
            let lean = lean.transpose()?;
            let replaced: Vec<_> = lean.iter().map(|it| ("batman-adv", it.as_path())).collect();
            let contents = Contents {
                packages: &PACKAGES,
                modules: &modules,
                replaced: &replaced,
                init: &init,
                programs: &programs,
            };
            stage(&format!("gathering kernel {series}{word} for {program}"), || {
                Ok(rig::build(&manifest, &sources, &contents, &directory)?)
            })
        };
        let rig = build().or_else(|error| {
            eprintln!("{error:#}");
            tools::update_lists()?;
            build()
        })?;
        Ok((recipe, rig))
    };
    wanted.into_iter().map(rig).collect()
}

//! Which kernel modules a module needs, from the `modules.dep` that depmod writes.

use std::collections::{BTreeMap, BTreeSet};

use crate::Error;

/// The dependencies of every module of a kernel.
#[derive(Debug, Clone, Default)]
pub struct Dependencies<'a> {
    modules: BTreeMap<String, Module<'a>>,
    built_in: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Module<'a> {
    path: &'a str,
    needs: Vec<&'a str>,
}

impl<'a> Dependencies<'a> {
    /// Reads a kernel's `modules.dep` and `modules.builtin`.
    pub fn parse(modules_dep: &'a str, modules_builtin: &str) -> Self {
        let modules = modules_dep
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(path, needs)| {
                (name(path), Module { path, needs: needs.split_whitespace().collect() })
            })
            .collect();
        Self { modules, built_in: modules_builtin.lines().map(name).collect() }
    }

    /// Lists those of the wanted modules that are not built in.
    pub fn loadable(&self, wanted: &'a [String]) -> Vec<&'a str> {
        let names = wanted.iter().filter(|it| !self.built_in.contains(&name(it)));
        names.map(String::as_str).collect()
    }

    /// Lists the paths of the wanted modules and of all they need, each once, in an order they can be loaded in.
    /// What is built in needs no loading.
    ///
    /// # Errors
    /// [`Error::NoSuchModule`] when the kernel has no module of a wanted name.
    pub fn load_order(&self, wanted: &[String]) -> Result<Vec<&'a str>, Error> {
        let mut order: Vec<&str> = Vec::new();
        for wanted in wanted.iter().filter(|it| !self.built_in.contains(&name(it))) {
            let module = self
                .modules
                .get(&name(wanted))
                .ok_or_else(|| Error::NoSuchModule { name: wanted.clone() })?;
            // depmod lists what is needed last first.
            for path in module.needs.iter().rev().chain([&module.path]) {
                if !order.contains(path) {
                    order.push(path);
                }
            }
        }
        Ok(order)
    }
}

/// A module's name: the kernel takes `-` and `_` for the same.
pub(crate) fn name(path: &str) -> String {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let name = file.split_once(".ko").map_or(file, |(name, _)| name);
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULES_DEP: &str = "\
kernel/net/802/stp.ko.xz: kernel/net/llc/llc.ko.xz
kernel/net/llc/llc.ko.xz:
kernel/lib/crc16.ko.xz:
kernel/net/bridge/bridge.ko.xz: kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz
kernel/net/batman-adv/batman-adv.ko.xz: kernel/net/bridge/bridge.ko.xz kernel/net/802/stp.ko.xz kernel/net/llc/llc.ko.xz kernel/lib/crc16.ko.xz
";

    const MODULES_BUILTIN: &str =
        "kernel/net/ipv6/ipv6.ko\nkernel/drivers/char/virtio_console.ko\n";

    fn check(wanted: &[&str], expected: &[&str]) {
        let wanted: Vec<_> = wanted.iter().map(|it| (*it).to_owned()).collect();

        let order = Dependencies::parse(MODULES_DEP, MODULES_BUILTIN).load_order(&wanted).unwrap();

        let names: Vec<_> = order.iter().map(|it| name(it)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn modules_come_after_what_they_need_and_once() {
        check(&[], &[]);
        check(&["ipv6", "virtio-console"], &[]);
        check(&["llc", "stp"], &["llc", "stp"]);
        check(&["bridge"], &["llc", "stp", "bridge"]);
        check(&["stp", "batman-adv"], &["llc", "stp", "crc16", "bridge", "batman_adv"]);
    }

    #[test]
    fn what_is_built_in_is_not_loadable() {
        let wanted = ["ipv6", "batman-adv", "virtio-console"].map(str::to_owned);

        let dependencies = Dependencies::parse(MODULES_DEP, MODULES_BUILTIN);

        assert_eq!(dependencies.loadable(&wanted), ["batman-adv"]);
    }

    #[test]
    fn names_match_with_hyphen_or_underscore() {
        check(&["batman_adv"], &["crc16", "llc", "stp", "bridge", "batman_adv"]);
    }

    #[test]
    fn unknown_module_is_named() {
        let order =
            Dependencies::parse(MODULES_DEP, MODULES_BUILTIN).load_order(&["batman".to_owned()]);

        assert!(matches!(order, Err(Error::NoSuchModule { name }) if name == "batman"));
    }
}

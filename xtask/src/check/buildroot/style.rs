//! Buildroot's rules for how its files are written, as far as they matter here.
//!
//! Its own `check-package` has more of them, and is run where Buildroot is at hand.

use super::Fault;

/// Columns of a help text, behind its tab and two spaces.
const HELP_COLUMNS: usize = 62;

/// The attributes of a Kconfig entry, in the order they are written.
const ATTRIBUTES: [(&str, u8); 7] = [
    ("bool", 1),
    ("prompt", 1),
    ("string", 1),
    ("default", 2),
    ("depends", 3),
    ("select", 4),
    ("help", 5),
];

/// Kconfig entries, which stand at the left edge.
const ENTRIES: [&str; 10] = [
    "choice",
    "comment",
    "config",
    "endchoice",
    "endif",
    "endmenu",
    "if",
    "menu",
    "menuconfig",
    "source",
];

/// What a package is anyhow, and need not say.
const DEFAULTS: [(&str, &str); 6] = [
    ("_AUTORECONF", "NO"),
    ("_INSTALL_IMAGES", "NO"),
    ("_INSTALL_STAGING", "NO"),
    ("_INSTALL_TARGET", "YES"),
    ("_LIBTOOL_PATCH", "YES"),
    ("_REDISTRIBUTE", "YES"),
];

/// Hex digits of each kind of hash that a hash file may hold.
const HASHES: [(&str, usize); 4] = [("sha1", 40), ("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// Holds one file against the rules of its kind.
pub(super) fn check(path: &str, text: &str) -> Vec<Fault> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut broken = blanks(text);
    if name.starts_with("Config.in") {
        broken.extend(config_in(text));
    } else if let Some(package) = name.strip_suffix(".mk") {
        broken.extend(makefile(package, text));
    } else if name.ends_with(".hash") {
        broken.extend(hashes(text));
    } else if name.ends_with("_defconfig")
        && !text.lines().any(|it| it == "BR2_DOWNLOAD_FORCE_CHECK_HASHES=y")
    {
        broken.push((0, "does not ask for BR2_DOWNLOAD_FORCE_CHECK_HASHES"));
    }
    broken.sort_unstable();
    broken
        .into_iter()
        .map(|(line, rule)| Fault { place: format!("{path}:{line}"), what: rule.to_owned() })
        .collect()
}

/// A line's number, and the rule it breaks.
type Broken = (usize, &'static str);

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn blanks(text: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut previous = None;
    for (number, line) in numbered(text) {
        if line != line.trim_end() {
            broken.push((number, "trailing white space"));
        }
        if line.is_empty() && previous == Some("") {
            broken.push((number, "a second empty line"));
        }
        previous = Some(line);
    }
    let last = text.lines().count();
    if previous == Some("") {
        broken.push((last, "an empty line at the end"));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        broken.push((last, "no newline at the end"));
    }
    broken
}

fn config_in(text: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut in_help = false;
    let mut reached = 0;
    for (number, line) in numbered(text) {
        let Some(word) = line.split_whitespace().next() else { continue };
        if word.starts_with('#') {
            continue;
        }
        if line.starts_with("\t  ") && in_help {
            let is_link = line.trim().contains("://") && !line.trim().contains(' ');
            if line.chars().count() > HELP_COLUMNS + 3 && !is_link {
                broken.push((number, "a help line longer than 62 columns"));
            }
        } else if ENTRIES.contains(&word) {
            (in_help, reached) = (false, 0);
            if !line.starts_with(word) {
                broken.push((number, "an indented entry"));
            }
        } else if let Some((_, rank)) = ATTRIBUTES.iter().find(|(name, _)| *name == word) {
            if line.strip_prefix('\t').is_none_or(|it| !it.starts_with(word)) {
                broken.push((number, "an attribute not behind one tab"));
            }
            if *rank < reached {
                broken.push((number, "out of order: type, default, depends on, select, help"));
            }
            if line.trim() == "default n" {
                broken.push((number, "`default n`, which is the default"));
            }
            (reached, in_help) = (*rank, word == "help");
        } else if in_help {
            broken.push((number, "help not behind a tab and two spaces"));
        }
    }
    broken
}

fn makefile(package: &str, text: &str) -> Vec<Broken> {
    let mut broken = Vec::from_iter(header(text));
    let mut in_define = false;
    let mut continued = false;
    for (number, line) in numbered(text) {
        let ends = line.starts_with("endef");
        if !is_indented_well(line, in_define && !ends, continued) {
            broken.push((number, "tabs belong in definitions and continued lines, and only there"));
        }
        if !in_define && !continued {
            broken.extend(assignment(package, line).map(|rule| (number, rule)));
        }
        broken.extend(punctuation(line).map(|rule| (number, rule)));
        in_define = (in_define || line.starts_with("define ")) && !ends;
        continued = line.ends_with('\\') && !line.starts_with('#');
    }
    broken
}

fn header(text: &str) -> Option<Broken> {
    let bar = "#".repeat(80);
    let wanted = [Some(bar.as_str()), Some("#"), None, Some("#"), Some(bar.as_str()), Some("")];
    let mut lines = text.lines();
    let is_there = wanted.iter().all(|wanted| {
        lines.next().is_some_and(|line| wanted.map_or(line.starts_with("# "), |it| it == line))
    });
    (!is_there).then_some((1, "no header: 80 hashes, #, # name, #, 80 hashes, an empty line"))
}

fn is_indented_well(line: &str, in_define: bool, continued: bool) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    let is_conditional = ["ifeq", "ifneq", "else", "endif"].contains(&word);
    if word.is_empty() || (in_define && word.starts_with('#')) {
        return true;
    }
    let wants_tab = continued || (in_define && !is_conditional);
    line.starts_with('\t') == wants_tab
}

/// The rule that an assignment breaks. What is no assignment breaks none.
fn assignment(package: &str, line: &str) -> Option<&'static str> {
    let (name, value) = match line.strip_prefix("define ") {
        Some(name) => (name, ""),
        None => line.split_once('=')?,
    };
    let name = name.trim_end_matches(['+', ':', '?', ' ']);
    let is_variable = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    if name.is_empty() || !name.chars().all(is_variable) {
        return None;
    }
    let prefix = package.replace('-', "_").to_uppercase() + "_";
    let own = name.strip_prefix("HOST_").unwrap_or(name);
    // The tree's own file hooks into packages of Buildroot.
    if package != "external" && !own.starts_with(&prefix) {
        return Some("a variable without the package's prefix");
    }
    let value = value.trim();
    if DEFAULTS.iter().any(|(ending, usual)| name.ends_with(ending) && value == *usual) {
        return Some("says what is so anyhow");
    }
    let usual_source = format!("{package}-$({prefix}VERSION).tar.gz");
    (name == format!("{prefix}SOURCE") && value == usual_source)
        .then_some("names the source it has anyhow")
}

/// The rules for a single line, whatever it is.
fn punctuation(line: &str) -> impl Iterator<Item = &'static str> {
    let before_backslash = line.strip_suffix('\\').filter(|_| !line.starts_with('#'));
    let is_spaced =
        before_backslash.is_none_or(|it| it.ends_with(' ') && it.trim_end().len() + 1 == it.len());
    let has_braces = line.replace("$${", "").contains("${") && !line.starts_with('#');
    let word = line.split_whitespace().next().unwrap_or_default();
    [
        (!is_spaced, "not one space before a backslash"),
        (has_braces, "braces around a variable: use $()"),
        (["ifdef", "ifndef"].contains(&word), "ifdef: compare with y"),
        (line.contains("$(HOST_DIR)/usr"), "installs to $(HOST_DIR)/usr"),
        (!line.is_ascii(), "not ASCII"),
    ]
    .into_iter()
    .filter_map(|(is_broken, rule)| is_broken.then_some(rule))
}

fn hashes(text: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (number, line) in numbered(text) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<_> = line.split("  ").collect();
        let [kind, digits, _file] = fields.as_slice() else {
            broken.push((number, "not: kind, hash, file, with two spaces between"));
            continue;
        };
        let wanted = HASHES.iter().find(|(name, _)| name == kind).map(|(_, length)| *length);
        if wanted != Some(digits.len()) || !digits.chars().all(|it| it.is_ascii_hexdigit()) {
            broken.push((number, "no hash of its kind"));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "################################################################################
#
# thing
#
################################################################################

THING_VERSION = 1
THING_CONF_OPTS = \\
\t--without-doors

define THING_INSTALL_IMAGES_CMDS
\t$(INSTALL) $(@D)/thing $(BINARIES_DIR)
endef

$(eval $(autotools-package))
";

    fn check_told(path: &str, text: &str, expected: &[&str]) {
        let told: Vec<_> =
            check(path, text).into_iter().map(|it| format!("{}: {}", it.place, it.what)).collect();

        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn makefile_in_order_is_left_alone() {
        check_told("package/thing/thing.mk", GOOD, &[]);
    }

    #[test]
    fn makefiles_faults_are_told_with_their_lines() {
        for (from, to, expected) in [
            ("# thing", "thing", "1: no header"),
            ("\t--without", "  --without", "9: tabs"),
            ("\t$(INSTALL)", "$(INSTALL)", "12: tabs"),
            ("= \\", "=\\", "8: not one space"),
            ("$(@D)", "${D}", "12: braces"),
            ("THING_VERSION = 1", "THIN_VERSION = 1", "7: a variable without"),
            ("= 1", "= 1\nTHING_INSTALL_TARGET = YES", "8: says what is so"),
            ("= 1", "= 1\nTHING_SOURCE = thing-$(THING_VERSION).tar.gz", "8: names the source"),
            ("= 1", "= 1\nifdef X\nendif", "8: ifdef"),
            ("= 1", "= é", "7: not ASCII"),
            ("= 1", "= 1 ", "7: trailing"),
        ] {
            check_told("package/thing/thing.mk", &GOOD.replacen(from, to, 1), &[expected]);
        }
    }

    #[test]
    fn kconfigs_faults_are_told_with_their_lines() {
        let good =
            "config BR2_PACKAGE_THING\n\tbool \"thing\"\n\tdepends on X\n\thelp\n\t  Opens.\n";
        check_told("Config.in", good, &[]);
        for (from, to, expected) in [
            ("\tbool", "    bool", "2: an attribute not"),
            ("\t  Opens.", "\tOpens.", "5: help not"),
            ("Opens.", &"o".repeat(63), "5: a help line longer"),
            ("\thelp", "\tdefault n\n\thelp", "4: out of order"),
            ("config", "  config", "1: an indented"),
        ] {
            let told = check("Config.in", &good.replacen(from, to, 1));
            let told: Vec<_> = told.iter().map(|it| format!("{}: {}", it.place, it.what)).collect();
            assert!(told.iter().any(|it| it.contains(expected)), "{expected}: {told:?}");
        }
    }

    #[test]
    fn hash_has_its_kinds_length_and_two_spaces_on_either_side() {
        let hash = "0f".repeat(32);
        check_told("a.hash", &format!("# from there\nsha256  {hash}  a.tar.gz\n"), &[]);
        for (line, expected) in [
            (format!("sha256 {hash} a.tar.gz\n"), "1: not: kind"),
            (format!("sha512  {hash}  a.tar.gz\n"), "1: no hash"),
            (format!("sha256  {}  a.tar.gz\n", "xy".repeat(32)), "1: no hash"),
        ] {
            check_told("a.hash", &line, &[expected]);
        }
    }

    #[test]
    fn defconfig_that_takes_unknown_downloads_is_told() {
        check_told("configs/a_defconfig", "BR2_x86_64=y\n", &["does not ask for"]);
    }

    #[test]
    fn text_ends_with_one_newline() {
        check_told("a.txt", "a\n", &[]);
        check_told("a.txt", "a", &["no newline"]);
        check_told("a.txt", "a\n\n", &["2: an empty line"]);
        check_told("a.txt", "a\n\n\nb\n", &["3: a second"]);
    }
}

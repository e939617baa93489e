//! What the machines of the oracle covered together: which commands and attributes were compared on which kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::report::{Report, without_algorithm};
use crate::io::rig;
use crate::io::site::Site;

/// Lines are as wide as a terminal often is.
const WIDTH: usize = 120;

/// Where the attributes of a command begin.
const MARGIN: usize = 24;

/// Tells what these scenarios covered, as they have left it.
pub(crate) fn summary(site: &Site, names: &[&str]) -> anyhow::Result<String> {
    let kernels = names.iter().filter_map(|name| Some((name.strip_prefix("oracle-")?, *name)));
    let reports = kernels
        .map(|(kernel, name)| Ok((kernel.to_owned(), Report::read(&rig::printed(site, name)?)?)));
    let reports: anyhow::Result<BTreeMap<_, _>> = reports.collect();
    let reports = reports?;
    Ok(if reports.is_empty() { String::new() } else { table(&reports) })
}

fn table(reports: &BTreeMap<String, Report>) -> String {
    let count = |of: fn(&Report) -> &BTreeMap<String, u32>| {
        let all = reports.values().flat_map(|it| of(it).keys());
        all.map(|it| without_algorithm(it)).collect::<BTreeSet<_>>().len()
    };
    let kernels: Vec<_> =
        reports.iter().map(|(kernel, report)| format!("{kernel} ({})", report.release)).collect();
    let commands = by_command(reports);
    let attributes: BTreeSet<_> = commands.values().flat_map(BTreeMap::keys).collect();
    let mut text = format!(
        "knobs both ways: {}; tables alike: {}; JSON queries alike: {}; commands: {}; attributes: {}\nkernels: {}\n",
        count(|it| &it.knobs),
        count(|it| &it.tables),
        count(|it| &it.shown),
        commands.len(),
        attributes.len(),
        kernels.join(", "),
    );
    for (command, attributes) in &commands {
        let everywhere = attributes.values().map(BTreeSet::len).max().unwrap_or_default();
        let words = attributes.iter().map(|(attribute, on)| {
            let on: Vec<_> = on.iter().copied().collect();
            let is_everywhere = on.len() == everywhere;
            if is_everywhere {
                (*attribute).to_owned()
            } else {
                format!("{attribute}[{}]", on.join(" "))
            }
        });
        wrap(&mut text, command, words);
    }
    for (attribute, why) in nowhere(reports, &attributes) {
        let _ = writeln!(text, "on none of them: {attribute}: built without {why}");
    }
    text
}

/// The attributes that were compared with each command, and on which kernels.
type Compared<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<&'a str>>>;

fn by_command(reports: &BTreeMap<String, Report>) -> Compared<'_> {
    let mut commands = Compared::new();
    for (kernel, report) in reports {
        for (command, attributes) in &report.compared {
            let of_command = commands.entry(command).or_default();
            for attribute in attributes {
                of_command.entry(attribute).or_default().insert(kernel);
            }
        }
    }
    commands
}

fn nowhere<'a>(
    reports: &'a BTreeMap<String, Report>,
    compared: &BTreeSet<&&str>,
) -> BTreeMap<&'a str, &'a str> {
    let missing = reports.values().flat_map(|it| &it.out_of_reach);
    let missing = missing.map(|(attribute, why)| (attribute.as_str(), why.as_str()));
    missing.filter(|(attribute, _)| !compared.contains(attribute)).collect()
}

fn wrap(text: &mut String, title: &str, words: impl Iterator<Item = String>) {
    let mut line = format!("{title:<MARGIN$}");
    for word in words {
        if line.len() + word.len() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(MARGIN);
        }
        line += &word;
        line.push(' ');
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(compared: &[(&str, &[&str])], out_of_reach: &[(&str, &str)]) -> Report {
        let owned = |it: &&str| (*it).to_owned();
        let of = |(command, attributes): &(&str, &[&str])| {
            ((*command).to_owned(), attributes.iter().map(owned).collect())
        };
        let why = |(attribute, why): &(&str, &str)| ((*attribute).to_owned(), (*why).to_owned());
        Report {
            release: "1".to_owned(),
            compared: compared.iter().map(of).collect(),
            out_of_reach: out_of_reach.iter().map(why).collect(),
            ..Report::default()
        }
    }

    #[test]
    fn attribute_of_some_kernels_names_them_and_one_of_none_says_why() {
        let full = report(
            &[("GetMesh", &["bla_crc", "version"])],
            &[("log_level", "DEBUG"), ("pad", "PAD")],
        );
        let lean = report(&[("GetMesh", &["log_level", "version"])], &[("bla_crc", "BLA")]);
        let reports = BTreeMap::from([("6-12".to_owned(), full), ("lean".to_owned(), lean)]);

        let table = table(&reports);

        assert!(
            table.contains("GetMesh                 bla_crc[6-12] log_level[lean] version\n"),
            "{table}"
        );
        assert!(table.ends_with("on none of them: pad: built without PAD\n"), "{table}");
        assert!(
            table.contains("commands: 1; attributes: 3\nkernels: 6-12 (1), lean (1)\n"),
            "{table}"
        );
    }

    #[test]
    fn many_attributes_are_wrapped() {
        let mut text = String::new();

        wrap(&mut text, "GetMesh", (0..40).map(|number| format!("attribute{number}")));

        assert!(text.lines().count() > 3 && text.lines().all(|line| line.len() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with(&" ".repeat(MARGIN))));
    }
}

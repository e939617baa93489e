//! Where a Debian host gets its packages, read from its own settings: our private settings use the same mirrors and keys.

use std::collections::BTreeMap;

/// A repository that the host knows to be Debian's, as `apt-get indextargets` tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    /// Its address.
    pub uri: String,
    /// The release taken from it, such as `bookworm-security`.
    pub release: String,
    /// What it calls itself: `Debian` for the archive itself.
    pub label: String,
}

/// What [`repositories`] reads, for `apt-get indextargets --format`.
pub const FORMAT: &str = "$(ORIGIN)\t$(REPO_URI)\t$(RELEASE)\t$(LABEL)";

/// The release that has what no stable one has yet.
const UNSTABLE: &str = "sid";

/// Reads what `apt-get indextargets` told in [`FORMAT`]: Debian's repositories, each once.
pub fn repositories(told: &str) -> Vec<Repository> {
    let mut repositories: Vec<_> = told
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().map(|it| it.trim_end_matches('/').to_owned());
            (next()? == "Debian").then_some(())?;
            Some(Repository { uri: next()?, release: next()?, label: next()? })
        })
        .collect();
    repositories.sort();
    repositories.dedup();
    repositories
}

/// Reads the keys that the host trusts for each address, from one of its lists of sources in either of apt's formats.
pub fn keys(sources: &str) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for line in sources.lines().map(str::trim).filter(|it| it.starts_with("deb ")) {
        let Some((options, rest)) = line.split_once('[').and_then(|(_, it)| it.split_once(']'))
        else {
            continue;
        };
        let key = options.split_whitespace().find_map(|it| it.strip_prefix("signed-by="));
        if let (Some(key), Some(uri)) = (key, rest.split_whitespace().next()) {
            keys.insert(uri.trim_end_matches('/').to_owned(), key.replace(',', " "));
        }
    }
    for stanza in stanzas(sources) {
        if let (Some(uris), Some(key)) = (stanza.get("uris"), stanza.get("signed-by")) {
            for uri in uris.split_whitespace() {
                keys.insert(uri.trim_end_matches('/').to_owned(), key.clone());
            }
        }
    }
    keys
}

/// Splits a file of deb822 stanzas into fields, names in lower case, continuation lines kept as they are.
fn stanzas(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut stanzas = vec![BTreeMap::new()];
    let mut field = String::new();
    for line in text.lines().filter(|it| !it.starts_with('#')) {
        let Some(stanza) = stanzas.last_mut() else { break };
        if line.trim().is_empty() {
            stanzas.push(BTreeMap::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some(value) = stanza.get_mut(&field) {
                *value += "\n";
                *value += line;
            }
        } else if let Some((name, value)) = line.split_once(':') {
            field = name.to_ascii_lowercase();
            stanza.insert(field.clone(), value.trim().to_owned());
        }
    }
    stanzas
}

/// Writes the list of sources of our private settings: the host's Debian, and of the same archive the backports and the
/// unstable release.
pub fn private_sources(repositories: &[Repository], keys: &BTreeMap<String, String>) -> String {
    let archive = repositories.iter().find(|it| it.label == "Debian" && !it.release.contains('-'));
    let others = archive.into_iter().flat_map(|archive| {
        [format!("{}-backports", archive.release), UNSTABLE.to_owned()]
            .map(|release| Repository { release, ..archive.clone() })
    });
    let mut wanted: Vec<_> = repositories.iter().cloned().chain(others).collect();
    wanted.sort();
    wanted.dedup();
    wanted
        .iter()
        .map(|Repository { uri, release, .. }| {
            let key = keys.get(uri).map_or(String::new(), |key| format!("Signed-By: {key}\n"));
            format!("Types: deb\nURIs: {uri}\nSuites: {release}\nComponents: main\n{key}\n")
        })
        .collect()
}

/// Settings that take from the unstable release only what is asked for by its version.
pub const PRIVATE_PREFERENCES: &str = "Package: *\nPin: release n=sid\nPin-Priority: 1\n";

/// Finds the version of an upstream release in what `apt-cache madison` lists.
pub fn version_of<'a>(madison: &'a str, upstream: &str) -> Option<&'a str> {
    madison
        .lines()
        .filter_map(|line| line.split('|').nth(1))
        .map(str::trim)
        .find(|it| it.strip_prefix(upstream).is_some_and(|rest| rest.starts_with(['-', '+', '~'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(uri: &str, release: &str, label: &str) -> Repository {
        Repository { uri: uri.to_owned(), release: release.to_owned(), label: label.to_owned() }
    }

    #[test]
    fn only_repositories_of_debian_are_taken_and_each_once() {
        let told = "Debian\thttp://a.example/debian/\tbookworm\tDebian\n\
                    Debian\thttp://a.example/debian/\tbookworm\tDebian\n\
                    Node Source\thttps://b.example/node\tnodistro\tNode\n\
                    Debian\thttp://a.example/security/\tbookworm-security\tDebian-Security\n";

        let found = repositories(told);

        assert_eq!(
            found,
            [
                repository("http://a.example/debian", "bookworm", "Debian"),
                repository("http://a.example/security", "bookworm-security", "Debian-Security"),
            ]
        );
    }

    #[test]
    fn keys_are_read_from_both_formats() {
        let one_line = "# deb [signed-by=/no] http://a/debian sid main\n\
                        deb [arch=amd64 signed-by=/k/a.gpg] http://a/debian/ bookworm main\n\
                        deb http://b/debian bookworm main\n";
        let stanzas = "# note\nTypes: deb\nURIs: http://c/debian/ http://d/debian\nSuites: bookworm\n\
                       Signed-By: /k/c.gpg\n\nTypes: deb\nURIs: http://e/debian\nSigned-By:\n -----BEGIN\n .\n abc\n";

        assert_eq!(
            keys(one_line),
            BTreeMap::from([("http://a/debian".to_owned(), "/k/a.gpg".to_owned())])
        );
        assert_eq!(
            keys(stanzas),
            BTreeMap::from([
                ("http://c/debian".to_owned(), "/k/c.gpg".to_owned()),
                ("http://d/debian".to_owned(), "/k/c.gpg".to_owned()),
                ("http://e/debian".to_owned(), "\n -----BEGIN\n .\n abc".to_owned()),
            ])
        );
    }

    #[test]
    fn unstable_comes_from_the_archive_with_the_archives_key() {
        let repositories = [
            repository("http://a/debian", "bookworm", "Debian"),
            repository("http://a/debian", "bookworm-updates", "Debian"),
            repository("http://a/security", "bookworm-security", "Debian-Security"),
        ];
        let keys = BTreeMap::from([("http://a/debian".to_owned(), "/k/a.gpg".to_owned())]);

        let sources = private_sources(&repositories, &keys);

        let suites: Vec<_> = sources.lines().filter(|it| it.starts_with("Suites")).collect();
        let expected =
            ["bookworm", "bookworm-backports", "bookworm-updates", "sid", "bookworm-security"];
        assert_eq!(suites, expected.map(|it| format!("Suites: {it}")));
        assert!(sources.contains("Suites: sid\nComponents: main\nSigned-By: /k/a.gpg\n"));
        assert_eq!(sources.matches("Signed-By").count(), 4);
    }

    #[test]
    fn version_is_of_that_upstream_release_alone() {
        let madison = " boot | 0.22.1-1 | m sid/main\n boot | 0.22-2 | m sid/main\n boot | 0.13-1 | m stable/main\n";

        assert_eq!(version_of(madison, "0.22"), Some("0.22-2"));
        assert_eq!(version_of(madison, "0.2"), None);
    }
}

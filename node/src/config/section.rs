use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Outline;
use super::fault::Faults;
use super::key::{Key, Preset, Value};
use super::schema;

/// Words closer than this (Jaro-Winkler, 0 to 1) are taken for a slip of the finger.
const NEAR: f64 = 0.8;

/// One section of the file, while it is being read.
pub(super) struct Section<'a> {
    /// What it is called in the file, with what it is in.
    name: String,
    outline: &'static Outline,
    found: Found<'a>,
}

enum Found<'a> {
    Nothing,
    Table(&'a DeTable<'a>, Range<usize>),
    SomethingElse(Range<usize>),
}

/// What a good value looks like, as it completes "expected ...", and the words it may be.
pub(super) struct Expected<'a> {
    pub(super) text: &'a str,
    pub(super) words: &'a [&'a str],
}

/// What became of a value in the file.
enum Read<T> {
    Good(T),
    /// It may be sense to the newer firmware that wrote it: what holds without it holds.
    Overlooked,
    Bad,
}

impl<'a> Section<'a> {
    pub(super) fn open(root: &'a DeTable<'a>, outline: &'static Outline) -> Self {
        Self { name: outline.name.to_owned(), outline, found: found(root.get(outline.name)) }
    }

    /// Opens a section within this one, of which there is at most one.
    pub(super) fn within(&self, outline: &'static Outline) -> Option<Self> {
        let (_, name) = outline.name.rsplit_once('.')?;
        let value = self.get(name)?;
        let name = format!("{}.{name}", self.name);
        Some(Self { name, outline, found: found(Some(value)) })
    }

    /// Opens the sections that stand under a name within this one, each with its own name.
    pub(super) fn each_within(
        &self,
        group: &str,
        outline: &'static Outline,
        faults: &mut Faults,
    ) -> Vec<(Spanned<String>, Self)> {
        let Some(value) = self.get(group) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            let group = format!("{}.{group}", self.name);
            let message = format!("{group}: expected sections, such as [{}]", outline.name);
            faults.add(value.span(), message);
            return Vec::new();
        };
        let section = |(key, value): (&Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let own: &str = std::borrow::Cow::as_ref(key.get_ref());
            let name = format!("{}.{group}.{own}", self.name);
            let key = Spanned::new(key.span(), own.to_owned());
            (key, Self { name, outline, found: found(Some(value)) })
        };
        table.iter().map(section).collect()
    }

    /// Refuses what no key explains. Called once per section, before its keys are read.
    pub(super) fn refuse_unknown_keys(&self, faults: &mut Faults) {
        self.refuse_unknown_beside(&[], faults);
    }

    /// The same where sections of these names stand within.
    pub(super) fn refuse_unknown_beside(&self, within: &[&str], faults: &mut Faults) {
        let section = &self.name;
        match &self.found {
            Found::Nothing => {}
            Found::SomethingElse(span) => {
                faults.add(span.clone(), format!("{section}: expected a section, [{section}]"));
            }
            Found::Table(table, _) => {
                let own = self.outline.keys.iter().map(|key| key.name);
                let known: Vec<&str> = own.chain(within.iter().copied()).collect();
                for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
                    let hint = hint(key.get_ref(), &known);
                    let message = format!("{section}: no such key, {}{hint}", key.get_ref());
                    faults.unknown(key.span(), message);
                }
            }
        }
    }

    /// Reads a key that has a default.
    pub(super) fn value<T: Value>(&self, key: &'static Key, faults: &mut Faults) -> Option<T> {
        match (self.find(key), &key.preset) {
            (Some(value), Preset::Default(text)) => match self.read(key, value, faults) {
                Read::Good(value) => Some(value),
                Read::Overlooked => preset(text),
                Read::Bad => None,
            },
            (Some(value), _) => match self.read(key, value, faults) {
                Read::Good(value) => Some(value),
                Read::Overlooked | Read::Bad => None,
            },
            (None, Preset::Default(text)) => preset(text),
            (None, Preset::Required { example }) => {
                self.missing(key, example, faults);
                None
            }
            (None, Preset::Optional { .. }) => None,
        }
    }

    /// Reads a key that may be left out: nothing at all, or nothing usable, or the value.
    pub(super) fn optional<T: Value>(
        &self,
        key: &'static Key,
        faults: &mut Faults,
    ) -> Option<Option<T>> {
        match self.find(key) {
            None => Some(None),
            Some(value) => match self.read(key, value, faults) {
                Read::Good(value) => Some(Some(value)),
                Read::Overlooked => Some(None),
                Read::Bad => None,
            },
        }
    }

    /// Refuses a value that is good by itself and wrong beside the others.
    pub(super) fn contradiction(&self, key: &'static Key, reason: &str, faults: &mut Faults) {
        let span = self.find(key).map(Spanned::span).unwrap_or_default();
        faults.add(span, format!("{}.{}: {reason}", self.name, key.name));
    }

    /// Refuses the section as a whole.
    pub(super) fn refuse<T>(&self, reason: &str, faults: &mut Faults) -> Option<T> {
        faults.add(self.span(), format!("{}: {reason}", self.name));
        None
    }

    fn find(&self, key: &Key) -> Option<&'a Spanned<DeValue<'a>>> {
        self.get(key.name)
    }

    fn get(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        match &self.found {
            Found::Table(table, _) => table.get(name),
            Found::Nothing | Found::SomethingElse(_) => None,
        }
    }

    fn span(&self) -> Range<usize> {
        match &self.found {
            Found::Table(_, span) | Found::SomethingElse(span) => span.clone(),
            Found::Nothing => 0..0,
        }
    }

    fn read<T: Value>(
        &self,
        key: &Key,
        value: &Spanned<DeValue<'_>>,
        faults: &mut Faults,
    ) -> Read<T> {
        self.read_as(key, value, &Expected { text: T::EXPECTED, words: T::WORDS }, T::read, faults)
    }

    /// Reads a key whose type is known only now, as [`Section::optional`] does.
    pub(super) fn optional_as<T>(
        &self,
        key: &Key,
        expected: &Expected<'_>,
        read: impl Fn(&DeValue<'_>) -> Result<T, Option<String>>,
        faults: &mut Faults,
    ) -> Option<Option<T>> {
        let Some(value) = self.find(key) else { return Some(None) };
        match self.read_as(key, value, expected, read, faults) {
            Read::Good(value) => Some(Some(value)),
            Read::Overlooked => Some(None),
            Read::Bad => None,
        }
    }

    fn read_as<T>(
        &self,
        key: &Key,
        value: &Spanned<DeValue<'_>>,
        expected: &Expected<'_>,
        read: impl Fn(&DeValue<'_>) -> Result<T, Option<String>>,
        faults: &mut Faults,
    ) -> Read<T> {
        let reason = match read(value.get_ref()) {
            Ok(good) => return Read::Good(good),
            Err(Some(reason)) => format!(": {reason}"),
            Err(None) => String::new(),
        };
        let found = shown(value.get_ref());
        let hint =
            value.get_ref().as_str().map_or(String::new(), |word| hint(word, expected.words));
        let message = format!(
            "{}.{}: expected {}, found {found}{reason}{hint}",
            self.name, key.name, expected.text
        );
        if matches!(key.preset, Preset::Required { .. }) {
            faults.add(value.span(), message);
            return Read::Bad;
        }
        if faults.unknown(value.span(), message) { Read::Overlooked } else { Read::Bad }
    }

    fn missing(&self, key: &Key, example: &str, faults: &mut Faults) {
        let (span, name) = (self.span(), &self.name);
        faults
            .missing(span, format!("{name}.{0}: missing; for instance {0} = {example}", key.name));
    }
}

fn found<'a>(value: Option<&'a Spanned<DeValue<'a>>>) -> Found<'a> {
    match value {
        None => Found::Nothing,
        Some(value) => match value.get_ref() {
            DeValue::Table(table) => Found::Table(table, value.span()),
            _ => Found::SomethingElse(value.span()),
        },
    }
}

fn preset<T: Value>(text: &str) -> Option<T> {
    let value = DeValue::parse(text).ok()?;
    T::read(value.get_ref()).ok()
}

pub(super) fn refuse_unknown_sections(
    root: &DeTable<'_>,
    outlines: &[&'static Outline],
    faults: &mut Faults,
) {
    let known: Vec<&str> = outlines.iter().map(|outline| outline.name).collect();
    let is_known = |key: &str| key == schema::KEY || known.contains(&key);
    for key in root.keys().filter(|key| !is_known(key.get_ref())) {
        let hint = hint(key.get_ref(), &known);
        faults.unknown(key.span(), format!("no such section, {}{hint}", key.get_ref()));
    }
}

fn hint(word: &str, known: &[&str]) -> String {
    let closest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(nearness, _)| *nearness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    closest.map_or(String::new(), |(_, candidate)| format!("; did you mean {candidate}?"))
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Boolean(word) => word.to_string(),
        other => format!("a value of type {}", other.type_str()),
    }
}

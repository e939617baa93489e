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
    outline: &'static Outline,
    found: Found<'a>,
}

enum Found<'a> {
    Nothing,
    Table(&'a DeTable<'a>, Range<usize>),
    SomethingElse(Range<usize>),
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
        let found = match root.get(outline.name) {
            None => Found::Nothing,
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => Found::Table(table, value.span()),
                _ => Found::SomethingElse(value.span()),
            },
        };
        Self { outline, found }
    }

    /// Refuses what no key explains. Called once per section, before its keys are read.
    pub(super) fn refuse_unknown_keys(&self, faults: &mut Faults) {
        let section = self.outline.name;
        match &self.found {
            Found::Nothing => {}
            Found::SomethingElse(span) => {
                faults.add(span.clone(), format!("{section}: expected a section, [{section}]"));
            }
            Found::Table(table, _) => {
                let known: Vec<&str> = self.outline.keys.iter().map(|key| key.name).collect();
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
        faults.add(span, format!("{}.{}: {reason}", self.outline.name, key.name));
    }

    fn find(&self, key: &Key) -> Option<&'a Spanned<DeValue<'a>>> {
        match &self.found {
            Found::Table(table, _) => table.get(key.name),
            Found::Nothing | Found::SomethingElse(_) => None,
        }
    }

    fn read<T: Value>(
        &self,
        key: &Key,
        value: &Spanned<DeValue<'_>>,
        faults: &mut Faults,
    ) -> Read<T> {
        let reason = match T::read(value.get_ref()) {
            Ok(good) => return Read::Good(good),
            Err(Some(reason)) => format!(": {reason}"),
            Err(None) => String::new(),
        };
        let found = shown(value.get_ref());
        let hint = value.get_ref().as_str().map_or(String::new(), |word| hint(word, T::WORDS));
        let message = format!(
            "{}.{}: expected {}, found {found}{reason}{hint}",
            self.outline.name,
            key.name,
            T::EXPECTED
        );
        if matches!(key.preset, Preset::Required { .. }) {
            faults.add(value.span(), message);
            return Read::Bad;
        }
        if faults.unknown(value.span(), message) { Read::Overlooked } else { Read::Bad }
    }

    fn missing(&self, key: &Key, example: &str, faults: &mut Faults) {
        let span = match &self.found {
            Found::Table(_, span) | Found::SomethingElse(span) => span.clone(),
            Found::Nothing => 0..0,
        };
        let Outline { name, .. } = self.outline;
        faults
            .missing(span, format!("{name}.{0}: missing; for instance {0} = {example}", key.name));
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

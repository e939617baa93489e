use std::fmt;
use std::ops::Range;

/// One thing that is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in characters, counted from 1.
    pub column: usize,
    /// What is wrong, what was expected, and the likely remedy.
    pub message: String,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    text: String,
    faults: Vec<Fault>,
    /// What stands behind a fault of syntax may have been lost: nothing is known to be missing.
    is_broken: bool,
}

impl Faults {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), faults: Vec::new(), is_broken: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn syntax(&mut self, span: Option<Range<usize>>, message: &str) {
        self.add(span.unwrap_or_default(), format!("this is not TOML: {message}"));
        self.is_broken = true;
    }

    pub(super) fn missing(&mut self, span: Range<usize>, message: String) {
        if !self.is_broken {
            self.add(span, message);
        }
    }

    pub(super) fn add(&mut self, span: Range<usize>, message: String) {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        self.faults.push(Fault { line: before.matches('\n').count() + 1, column, message });
    }

    pub(super) fn in_order(mut self) -> Self {
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        self
    }

    /// Goes through the faults in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter()
    }

    /// Writes one line per fault, each with the file's name in front, as compilers do.
    pub fn report(&self, file: &str) -> String {
        let lines = self.faults.iter().map(|fault| format!("{file}:{fault}\n"));
        lines.collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

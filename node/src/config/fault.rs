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
    overlooked: Vec<Fault>,
    /// A newer firmware wrote the file: what this one does not know is left alone instead of refused.
    is_newer: bool,
    /// What stands behind a fault of syntax may have been lost: nothing is known to be missing.
    is_broken: bool,
}

impl Faults {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            faults: Vec::new(),
            overlooked: Vec::new(),
            is_newer: false,
            is_broken: false,
        }
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

    /// From now on what is unknown is overlooked.
    pub(super) fn of_newer_firmware(&mut self) {
        self.is_newer = true;
    }

    /// Adds what may be sense to a newer firmware, and tells whether it was overlooked.
    pub(super) fn unknown(&mut self, span: Range<usize>, message: String) -> bool {
        if self.is_newer {
            let fault = self.locate(&span, message);
            self.overlooked.push(fault);
        } else {
            self.add(span, message);
        }
        self.is_newer
    }

    pub(super) fn overlooked(self) -> Vec<Fault> {
        self.overlooked
    }

    pub(super) fn add(&mut self, span: Range<usize>, message: String) {
        let fault = self.locate(&span, message);
        self.faults.push(fault);
    }

    fn locate(&self, span: &Range<usize>, message: String) -> Fault {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Fault { line: before.matches('\n').count() + 1, column, message }
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

//! A file system in memory that forgets, at a power cut, whatever it was not asked to keep: any of the names that
//! changed since their directory was made durable, any part of a text since its file was.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::FileSystem;

/// What it does not do although it is asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Negligence {
    /// It does all.
    None,
    /// It makes no text durable.
    Texts,
    /// It makes no names durable.
    Names,
}

/// What is found in place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// No file.
    Nothing,
    /// A file with this text.
    Text(Vec<u8>),
}

/// The file system.
pub(super) struct Pretend {
    negligence: Negligence,
    start: Medium,
    done: RefCell<Vec<Done>>,
}

/// What is durable.
#[derive(Clone, Default)]
struct Medium {
    names: BTreeMap<PathBuf, usize>,
    texts: Vec<Vec<u8>>,
}

/// Something that was done since then.
#[derive(Clone)]
enum Done {
    Named(PathBuf, usize),
    Removed(PathBuf),
    Renamed(PathBuf, PathBuf, usize),
    Written(usize, Vec<u8>),
    TextSynced(usize),
    NamesSynced,
}

impl Pretend {
    pub(super) fn empty(negligence: Negligence) -> Self {
        Self::on(Medium::default(), negligence)
    }

    fn on(start: Medium, negligence: Negligence) -> Self {
        Self { negligence, start, done: RefCell::default() }
    }

    /// Every medium that a power cut can leave, at any step.
    pub(super) fn cuts(&self) -> Vec<Self> {
        let steps = self.done.borrow().len();
        (0..=steps).flat_map(|step| self.cuts_after(step)).collect()
    }

    /// Every medium that a power cut can leave after the last step.
    pub(super) fn cuts_at_the_end(&self) -> Vec<Self> {
        self.cuts_after(self.done.borrow().len())
    }

    pub(super) fn holds(&self, path: &str) -> bool {
        self.start.names.contains_key(Path::new(path))
    }

    pub(super) fn left(&self, path: &str) -> Left {
        let text = self.start.names.get(Path::new(path)).and_then(|it| self.start.texts.get(*it));
        text.map_or(Left::Nothing, |text| Left::Text(text.clone()))
    }

    fn cuts_after(&self, step: usize) -> Vec<Self> {
        let done = self.done.borrow();
        let done = done.get(..step).unwrap_or_default();
        let texts = texts(&self.start, done);
        let mut media = Vec::new();
        for names in names(&self.start, done) {
            for texts in &texts {
                media.push(Medium { names: names.clone(), texts: texts.clone() });
            }
        }
        media.into_iter().map(|medium| Self::on(medium, self.negligence)).collect()
    }

    fn inode(&self, path: &Path) -> Option<usize> {
        let mut names = self.start.names.clone();
        self.done.borrow().iter().for_each(|done| apply(&mut names, done));
        names.get(path).copied()
    }

    fn push(&self, done: Done) {
        self.done.borrow_mut().push(done);
    }
}

/// The names that are left: all up to the last time that they were made durable, any choice of the later ones.
fn names(start: &Medium, done: &[Done]) -> Vec<BTreeMap<PathBuf, usize>> {
    let durable = done.iter().rposition(|it| matches!(it, Done::NamesSynced)).unwrap_or(0);
    let (certain, later) = done.split_at(durable);
    let mut names = start.names.clone();
    certain.iter().for_each(|it| apply(&mut names, it));
    let changes = |it: &&Done| matches!(it, Done::Named(..) | Done::Removed(_) | Done::Renamed(..));
    let later: Vec<_> = later.iter().filter(changes).collect();
    let choose = |choice: u32| {
        let mut names = names.clone();
        let chosen = later.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
        chosen.for_each(|(_, it)| apply(&mut names, it));
        names
    };
    (0..1 << later.len()).map(choose).collect()
}

/// The texts that are left: of one that was not made durable nothing, a half, or all.
fn texts(start: &Medium, done: &[Done]) -> Vec<Vec<Vec<u8>>> {
    let mut certain = start.texts.clone();
    let mut uncertain = BTreeMap::new();
    for it in done {
        match it {
            Done::Named(_, inode) => certain.resize(certain.len().max(inode + 1), Vec::new()),
            Done::Written(inode, text) => drop(uncertain.insert(*inode, text.clone())),
            Done::TextSynced(inode) => {
                let text = uncertain.remove(inode);
                if let (Some(place), Some(text)) = (certain.get_mut(*inode), text) {
                    *place = text;
                }
            }
            Done::Removed(_) | Done::Renamed(..) | Done::NamesSynced => {}
        }
    }
    let mut all = vec![certain];
    for (inode, text) in uncertain {
        let with = |part: &[u8]| {
            let mut left = all.clone();
            left.iter_mut().filter_map(|it| it.get_mut(inode)).for_each(|it| *it = part.to_vec());
            left
        };
        let half = text.get(..text.len() / 2).unwrap_or_default();
        all = [with(&[]), with(half), with(&text)].concat();
    }
    all
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, done: &Done) {
    match done {
        Done::Named(path, inode) => drop(names.insert(path.clone(), *inode)),
        Done::Removed(path) => drop(names.remove(path)),
        Done::Renamed(from, to, inode) => {
            names.remove(from);
            names.insert(to.clone(), *inode);
        }
        Done::Written(..) | Done::TextSynced(_) | Done::NamesSynced => {}
    }
}

impl FileSystem for Pretend {
    type File = usize;

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inode(path).ok_or(io::ErrorKind::NotFound)?;
        self.push(Done::Removed(path.to_owned()));
        Ok(())
    }

    fn create(&self, path: &Path, _mode: u32) -> io::Result<usize> {
        if self.inode(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let named = |it: &&Done| matches!(it, Done::Named(..));
        let inode = self.start.texts.len() + self.done.borrow().iter().filter(named).count();
        self.push(Done::Named(path.to_owned(), inode));
        Ok(inode)
    }

    fn write(&self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        self.push(Done::Written(*file, bytes.to_vec()));
        Ok(())
    }

    fn sync(&self, file: &usize) -> io::Result<()> {
        if self.negligence != Negligence::Texts {
            self.push(Done::TextSynced(*file));
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.inode(from).ok_or(io::ErrorKind::NotFound)?;
        self.push(Done::Renamed(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn sync_names(&self, _directory: &Path) -> io::Result<()> {
        if self.negligence != Negligence::Names {
            self.push(Done::NamesSynced);
        }
        Ok(())
    }
}

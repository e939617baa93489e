//! A disk in memory over another, which remembers what is done to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use crate::block::BlockDevice;

/// What memory is shared in, and what flash is erased in.
pub(super) const PAGE: usize = 4096;

/// What a disk holds: what differs from a base that is only read. Copies share what they have in common.
#[derive(Debug)]
pub struct Image<B> {
    base: Rc<B>,
    pages: BTreeMap<u64, Rc<[u8; PAGE]>>,
}

/// Something that was done to a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Bytes were written at an offset.
    Write(u64, Rc<[u8]>),
    /// A part was flushed.
    Flush(Range<u64>),
}

/// A disk that remembers what is done to it. Copies are the same disk.
#[derive(Debug)]
pub struct Disk<B> {
    recorded: Rc<RefCell<Recorded<B>>>,
}

#[derive(Debug)]
struct Recorded<B> {
    image: Image<B>,
    events: Vec<Event>,
}

/// A part of a disk, such as a partition.
#[derive(Debug)]
pub struct Part<B> {
    disk: Disk<B>,
    range: Range<u64>,
}

impl<B: BlockDevice> Image<B> {
    /// What the base holds.
    pub const fn new(base: Rc<B>) -> Self {
        Self { base, pages: BTreeMap::new() }
    }

    /// What differs from the base: offsets, and what is there.
    pub fn changes(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let length = self.base.len();
        self.pages.iter().filter_map(move |(number, page)| {
            let offset = number * PAGE as u64;
            let end = usize::try_from(length.saturating_sub(offset)).unwrap_or(PAGE).min(PAGE);
            Some((offset, page.get(..end)?))
        })
    }

    fn page(&self, number: u64) -> io::Result<Rc<[u8; PAGE]>> {
        if let Some(page) = self.pages.get(&number) {
            return Ok(Rc::clone(page));
        }
        let mut page = [0; PAGE];
        let offset = number * PAGE as u64;
        let rest = usize::try_from(self.base.len().saturating_sub(offset)).unwrap_or(PAGE);
        if let Some(part) = page.get_mut(..rest.min(PAGE)) {
            self.base.read_at(offset, part)?;
        }
        Ok(Rc::new(page))
    }

    /// Calls back with each page that the bytes from an offset on lie in, and which bytes of it they are.
    fn pages(
        &self,
        offset: u64,
        length: usize,
        mut visit: impl FnMut(u64, Range<usize>, Range<usize>) -> io::Result<()>,
    ) -> io::Result<()> {
        let end = offset.checked_add(length as u64).filter(|it| *it <= self.base.len());
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            let start = usize::try_from(at % PAGE as u64).unwrap_or_default();
            let part = (PAGE - start).min(length - done);
            visit(at / PAGE as u64, start..start + part, done..done + part)?;
            done += part;
        }
        Ok(())
    }
}

impl<B> Clone for Image<B> {
    fn clone(&self) -> Self {
        Self { base: Rc::clone(&self.base), pages: self.pages.clone() }
    }
}

impl<B: BlockDevice> BlockDevice for Image<B> {
    fn len(&self) -> u64 {
        self.base.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.pages(offset, buffer.len(), |number, inside, part| {
            let page = self.page(number)?;
            if let (Some(to), Some(from)) = (buffer.get_mut(part), page.get(inside)) {
                to.copy_from_slice(from);
            }
            Ok(())
        })
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut changed = Vec::new();
        self.pages(offset, bytes.len(), |number, inside, part| {
            let mut page = self.page(number)?;
            if let (Some(to), Some(from)) =
                (Rc::make_mut(&mut page).get_mut(inside), bytes.get(part))
            {
                to.copy_from_slice(from);
            }
            changed.push((number, page));
            Ok(())
        })?;
        self.pages.extend(changed);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<B: BlockDevice> Disk<B> {
    /// A disk to which nothing was done yet.
    pub fn new(image: Image<B>) -> Self {
        Self { recorded: Rc::new(RefCell::new(Recorded { image, events: Vec::new() })) }
    }

    /// A part of it.
    pub fn part(&self, range: Range<u64>) -> Part<B> {
        Part { disk: self.clone(), range }
    }

    /// What it holds now.
    pub fn image(&self) -> Image<B> {
        self.recorded.borrow().image.clone()
    }

    /// What was done to it since it was made or asked last.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.recorded.borrow_mut().events)
    }
}

impl<B> Clone for Disk<B> {
    fn clone(&self) -> Self {
        Self { recorded: Rc::clone(&self.recorded) }
    }
}

impl<B> Part<B> {
    fn place(&self, offset: u64, length: usize) -> io::Result<u64> {
        let start = self.range.start.checked_add(offset);
        let end = start.and_then(|it| it.checked_add(length as u64));
        let is_inside = end.is_some_and(|it| it <= self.range.end);
        start.filter(|_| is_inside).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl<B: BlockDevice> BlockDevice for Part<B> {
    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let place = self.place(offset, buffer.len())?;
        self.disk.recorded.borrow().image.read_at(place, buffer)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(offset, bytes.len())?;
        let mut recorded = self.disk.recorded.borrow_mut();
        recorded.image.write_at(place, bytes)?;
        recorded.events.push(Event::Write(place, bytes.into()));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.recorded.borrow_mut().events.push(Event::Flush(self.range.clone()));
        Ok(())
    }
}

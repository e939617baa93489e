//! As much of HTTP as a server of plain files needs.

use std::ops::Range;
use std::path::{Component, PathBuf};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The file, relative to what is served.
    pub path: PathBuf,
    /// First and last byte wanted, where it says so.
    pub range: Option<(u64, Option<u64>)>,
    /// Whether it wants the head alone.
    pub head_only: bool,
}

/// Reads a request's head; `None` for what this server does not answer.
pub fn parse(head: &str) -> Option<Request> {
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return None,
    };
    let target = target.split('?').next()?.strip_prefix('/')?;
    let path = PathBuf::from(decoded(target)?);
    let inside = |it: Component<'_>| matches!(it, Component::Normal(_) | Component::CurDir);
    if !path.components().all(inside) {
        return None;
    }
    let range = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        let range = value.trim().strip_prefix("bytes=")?;
        let (from, to) = range.split_once('-')?;
        name.eq_ignore_ascii_case("range").then(|| Some((from.parse().ok()?, to.parse().ok())))?
    });
    Some(Request { path, range, head_only })
}

impl Request {
    /// Writes the head of the answer for a file of a length, and says which of its bytes follow.
    pub fn answer(&self, length: u64) -> (String, Range<u64>) {
        let (status, body) = match self.range {
            Some((from, _)) if from >= length => {
                return (
                    format!(
                        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{length}\r\n\
                         Content-Length: 0\r\nConnection: close\r\n\r\n"
                    ),
                    0..0,
                );
            }
            Some((from, to)) => {
                let end = to.map_or(length, |to| to.saturating_add(1).min(length));
                ("206 Partial Content", from..end.max(from))
            }
            None => ("200 OK", 0..length),
        };
        let mut head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nAccept-Ranges: bytes\r\nConnection: close\r\n",
            body.end - body.start
        );
        if self.range.is_some() {
            let last = body.end.saturating_sub(1);
            head += &format!("Content-Range: bytes {}-{last}/{length}\r\n", body.start);
        }
        head += "\r\n";
        (head, if self.head_only { 0..0 } else { body })
    }
}

/// Returns the head of the answer for what is not there.
pub fn not_found() -> &'static str {
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
}

fn decoded(target: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = target.as_bytes();
    while let [byte, more @ ..] = rest {
        rest = more;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = more;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expected: Option<(&str, Range<u64>)>) {
        let found = parse(head).map(|request| {
            let (_, body) = request.answer(100);
            (request.path.display().to_string(), body)
        });

        assert_eq!(found, expected.map(|(path, body)| (path.to_owned(), body)), "{head}");
    }

    #[test]
    fn a_range_is_what_is_asked_for_within_the_file() {
        check("GET /a/b.json HTTP/1.1\r\nHost: x\r\n", Some(("a/b.json", 0..100)));
        check("GET /a HTTP/1.1\r\nRange: bytes=10-19\r\n", Some(("a", 10..20)));
        check("GET /a HTTP/1.1\r\nrange: bytes=10-\r\n", Some(("a", 10..100)));
        check("GET /a HTTP/1.1\r\nrange: bytes=90-200\r\n", Some(("a", 90..100)));
        check("GET /a HTTP/1.1\r\nrange: bytes=100-\r\n", Some(("a", 0..0)));
        check("HEAD /a HTTP/1.1\r\n", Some(("a", 0..0)));
        check("GET /a%2bb?x=1 HTTP/1.1\r\n", Some(("a+b", 0..100)));
    }

    #[test]
    fn nothing_outside_is_served() {
        for head in
            ["GET /../a HTTP/1.1\r\n", "GET //etc/a HTTP/1.1", "GET /%2e%2e/a", "POST /a", ""]
        {
            check(head, None);
        }
    }
}

//! How a command is typed on a console's shell, and found again in what comes back.
//!
//! A console gives back one stream: the echo of what was typed, prompts, control sequences, the
//! kernel's remarks and the command's output, with a carriage return before each line feed. Output
//! is told from all that by marks that start with a byte which is typed only in its escaped form,
//! so that no echo holds it. Every command has a number: a late answer is never taken for another's.

use std::fmt::Write as _;

/// Begins a mark: the record separator, which neither echo nor kernel writes.
const MARK: u8 = 0x1e;

/// Longest piece of a command on one typed line: busybox's line editor takes 1023 bytes, and a
/// terminal's input queue 4095.
const PIECE: usize = 400;

/// Letters of a command that a message quotes.
const BRIEF: usize = 80;

/// What a command left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status, as the shell's `$?`.
    pub status: i32,
    /// Standard output and standard error, as one stream, with plain line feeds.
    pub stdout: String,
}

/// Number of a command on its console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandNumber(pub u32);

/// Renders the lines to type for a command.
///
/// The command runs in a shell of its own, so that an `exit` or a `cd` stays inside; it reads
/// nothing, so that it cannot eat what is typed next.
pub fn typed(number: CommandNumber, command: &str) -> String {
    let CommandNumber(number) = number;
    let escaped = escape(command);
    let mut lines = String::from("C=\n");
    let mut rest = escaped.as_str();
    while !rest.is_empty() {
        // The escaped form is ASCII: it may be split anywhere.
        let (piece, more) = rest.split_at(rest.len().min(PIECE));
        let _ = writeln!(lines, "C=$C'{piece}'");
        rest = more;
    }
    let _ = writeln!(
        lines,
        "printf '\\036B{number}\\n';(eval \"$(printf %b \"$C\")\") </dev/null 2>&1;\
         printf '\\036E{number} %d\\n' $?"
    );
    lines
}

/// Line that makes a shell read without its line editor and write without added returns.
///
/// A virtio console takes 16 bytes or one piece of a line at a time, and a millisecond for each:
/// the echo and the returns would be most of that. An interrupt ends it and leaves the shell.
pub const READ_PLAINLY: &str = "stty -echo -opost;while read -r L;do eval \"$L\";done\n";

/// Shortens a command to what a message about it needs.
pub fn brief(command: &str) -> String {
    let mut letters = command.chars();
    let mut brief: String = letters.by_ref().take(BRIEF).collect();
    if letters.next().is_some() {
        brief.push_str("...");
    }
    brief
}

/// Escapes a text for `printf %b` within single quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b" ./_-=:,+".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "\\0{byte:03o}");
        }
    }
    escaped
}

/// What a console has said since the last answer was taken.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    bytes: Vec<u8>,
}

impl Heard {
    /// Adds what has just come in.
    pub fn hear(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns how much is kept.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes the answer to a command out of the stream, with all that came before it.
    pub fn take(&mut self, number: CommandNumber) -> Option<Output> {
        let CommandNumber(number) = number;
        let (_, begin) = mark(&self.bytes, &format!("B{number}"))?;
        let body = self.bytes.get(begin..)?;
        let (end, after) = mark_with_value(body, &format!("E{number} "))?;
        let value = body.get(end..after)?;
        let status = text(value).rsplit(' ').next()?.trim_end().parse().ok()?;
        let stdout = text(body.get(..end)?);
        self.bytes.drain(..begin + after);
        Some(Output { status, stdout })
    }

    /// Returns the last lines, for a person who asks why there was no answer.
    pub fn tail(&self) -> String {
        let whole = text(&self.bytes);
        let lines: Vec<&str> = whole.lines().collect();
        lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
    }
}

/// Finds a mark that ends with its line, and returns where it starts and where the next line does.
fn mark(bytes: &[u8], word: &str) -> Option<(usize, usize)> {
    starts(bytes, word).find_map(|start| {
        let (value, after) = rest_of_line(bytes, start + 1 + word.len())?;
        value.is_empty().then_some((start, after))
    })
}

/// Finds a mark that a number follows on its line.
fn mark_with_value(bytes: &[u8], word: &str) -> Option<(usize, usize)> {
    starts(bytes, word).find_map(|start| {
        let (value, after) = rest_of_line(bytes, start + 1 + word.len())?;
        let number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        number.then_some((start, after))
    })
}

fn starts<'a>(bytes: &'a [u8], word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let marks = bytes.iter().enumerate().filter(|(_, byte)| **byte == MARK);
    marks.filter_map(move |(start, _)| {
        bytes.get(start + 1..)?.starts_with(word.as_bytes()).then_some(start)
    })
}

/// Returns what is left of a line without its ending, and where the next line starts.
fn rest_of_line(bytes: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(from..)?;
    let length = rest.iter().position(|byte| *byte == b'\n')?;
    let line = rest.get(..length)?;
    Some((line.trim_ascii_end(), from + length + 1))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: CommandNumber = CommandNumber(1);

    /// What a terminal makes of a shell's answer.
    fn answer(number: u32, stdout: &str, status: i32) -> Vec<u8> {
        format!("\x1eB{number}\n{stdout}\x1eE{number} {status}\n")
            .replace('\n', "\r\n")
            .into_bytes()
    }

    fn check(stream: &[u8], expected: Option<(i32, &str)>) {
        let mut heard = Heard::default();
        heard.hear(stream);

        let output = heard.take(ONE);

        let expected = expected.map(|(status, stdout)| Output { status, stdout: stdout.into() });
        assert_eq!(output, expected);
    }

    #[test]
    fn output_and_status_are_found_behind_the_echo() {
        let mut stream = typed(ONE, "ls").replace('\n', "\r\n").into_bytes();
        stream.extend(answer(1, "a\nb\n", 0));

        check(&stream, Some((0, "a\nb\n")));
    }

    #[test]
    fn output_without_a_last_line_feed_ends_at_the_mark() {
        check(&answer(1, "half a line", 3), Some((3, "half a line")));
    }

    #[test]
    fn an_unfinished_answer_is_no_answer() {
        let whole = answer(1, "text\n", 0);

        for length in 0..whole.len() {
            check(&whole[..length], None);
        }
        check(&whole, Some((0, "text\n")));
    }

    #[test]
    fn a_late_answer_to_an_earlier_command_is_passed_over() {
        let mut stream = answer(0, "late\n", 0);
        stream.extend(answer(1, "mine\n", 0));

        check(&stream, Some((0, "mine\n")));
    }

    #[test]
    fn a_longer_number_with_the_same_start_is_another_command() {
        check(&answer(10, "other\n", 0), None);
    }

    #[test]
    fn typed_lines_fit_a_line_editor_and_hold_no_mark() {
        let lines = typed(ONE, &"printf '\x1eE1 0\\n' # ü\n".repeat(200));

        assert!(lines.lines().all(|line| line.len() < 1000));
        assert!(!lines.as_bytes().contains(&MARK));
    }

    #[test]
    fn what_comes_after_an_answer_is_kept() {
        let mut heard = Heard::default();
        heard.hear(&answer(1, "", 0));
        heard.hear(b"# ");

        heard.take(ONE);

        assert_eq!(heard.tail(), "# ");
    }

    #[test]
    fn a_message_quotes_the_start_of_a_long_command_only() {
        assert_eq!(brief("true"), "true");
        assert_eq!(brief(&"ü".repeat(1000)), format!("{}...", "ü".repeat(BRIEF)));
    }

    proptest! {
        #[test]
        fn the_answer_is_found_in_any_noise_and_in_any_pieces(
            before in "[^\x1e]{0,80}",
            stdout in "[^\x1e\r]{0,200}",
            after in "[^\x1e]{0,80}",
            status in 0..256_i32,
            cut in 1..64_usize,
        ) {
            let mut stream = before.into_bytes();
            stream.extend(answer(1, &stdout, status));
            stream.extend(after.as_bytes());
            let mut heard = Heard::default();
            let mut output = None;

            for piece in stream.chunks(cut) {
                heard.hear(piece);
                output = output.or_else(|| heard.take(ONE));
            }

            prop_assert_eq!(output, Some(Output { status, stdout }));
        }

        #[test]
        fn no_stream_upsets_the_listener(stream in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut heard = Heard::default();
            heard.hear(&stream);

            let _ = heard.take(ONE);
            let _ = heard.tail();
        }

        #[test]
        fn an_escaped_command_needs_no_quoting(command in any::<String>()) {
            let escaped = escape(&command);

            prop_assert!(escaped.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert!(!escaped.contains(['\'', '"', '!', '$']));
        }
    }
}

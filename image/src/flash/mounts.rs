//! What the kernel says of mounts and swap, from the texts in /proc.

use super::disk::DeviceNumber;

/// A line of /proc/self/mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The device that the kernel names; some file systems have one of their own making.
    pub number: DeviceNumber,
    /// Where it is mounted.
    pub point: String,
    /// What was mounted, where that is a path.
    pub source: Option<String>,
}

/// Reads /proc/self/mountinfo. A line that makes no sense is passed over.
pub fn mounts(text: &str) -> Vec<Mount> {
    text.lines().filter_map(mount).collect()
}

/// Reads /proc/swaps: the paths that memory is swapped to.
pub fn swaps(text: &str) -> Vec<String> {
    let paths = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    paths.map(unescape).collect()
}

/// Reads a device number as `8:1`.
pub fn number(text: &str) -> Option<DeviceNumber> {
    let (major, minor) = text.trim().split_once(':')?;
    Some(DeviceNumber { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

/// proc_pid_mountinfo(5): optional fields end at a lone hyphen, after which come type and source.
fn mount(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ');
    let number = number(fields.nth(2)?)?;
    let point = unescape(fields.nth(1)?);
    let source = fields.skip_while(|it| *it != "-").nth(2).map(unescape);
    Some(Mount { number, point, source: source.filter(|it| it.starts_with('/')) })
}

/// The kernel writes blanks and backslashes in names as three octal digits.
fn unescape(name: &str) -> String {
    let mut parts = name.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part.get(..3).and_then(|it| u8::from_str_radix(it, 8).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                bytes.extend(part.as_bytes().get(3..).unwrap_or_default());
            }
            None => {
                bytes.push(b'\\');
                bytes.extend(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(u32, u32, &str, Option<&str>)>) {
        let read = mounts(line);

        let told = read
            .first()
            .map(|it| (it.number.major, it.number.minor, it.point.as_str(), it.source.as_deref()));
        assert_eq!(told, expected, "{line}");
    }

    #[test]
    fn mounts_are_read_with_and_without_optional_fields() {
        check(
            "36 35 8:2 / / rw,noatime master:1 - ext4 /dev/sda2 rw",
            Some((8, 2, "/", Some("/dev/sda2"))),
        );
        check(
            "36 35 0:44 /@ /home rw - btrfs /dev/mapper/a\\040b rw",
            Some((0, 44, "/home", Some("/dev/mapper/a b"))),
        );
        check("22 27 0:21 / /proc rw,relatime - proc proc rw", Some((0, 21, "/proc", None)));
        check(
            "40 36 8:17 / /media/my\\040stick rw shared:9 - vfat /dev/sdb1 rw",
            Some((8, 17, "/media/my stick", Some("/dev/sdb1"))),
        );
    }

    #[test]
    fn lines_that_make_no_sense_are_passed_over() {
        for line in ["", "36", "36 35 8 / / rw", "36 35 a:b / / rw - ext4 x rw", "36 35 8:1 /"] {
            check(line, None);
        }
        check("1 2 8:1 / / rw", Some((8, 1, "/", None)));
    }

    #[test]
    fn swaps_are_read_after_their_heading() {
        let text = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda3  partition 1 0 -2\n/swap\\040file file 1 0 -3\n";

        assert_eq!(swaps(text), ["/dev/sda3", "/swap file"]);
        assert_eq!(swaps(""), [""; 0]);
    }

    #[test]
    fn names_keep_what_is_no_escape() {
        assert_eq!(unescape("a\\134b\\"), "a\\b\\");
        assert_eq!(unescape("\\9"), "\\9");
        assert_eq!(unescape("a\\777b"), "a\\777b");
    }
}

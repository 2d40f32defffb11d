//! Paths below `/archives`.

use percent_encoding::percent_decode_str;

/// The meaning of a path. Ids and names are percent-decoded once, and not checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    All,
    One(String),
    Record(String),
    Json(String),
    Member(String, String),
}

/// The target of a path, if it is `/archives` or below it.
pub(crate) fn target(path: &str) -> Option<Target> {
    let path = without_dots(path);
    let rest = path.strip_prefix("/archives")?;
    if rest.is_empty() {
        return Some(Target::All);
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(Into::into);
    let (id, rest) = match rest.strip_prefix('/')?.split_once('/') {
        None => return Some(Target::One(decode(rest.strip_prefix('/')?)?)),
        Some(parts) => parts,
    };
    let id = decode(id)?;
    match rest {
        "record" => Some(Target::Record(id)),
        "json" => Some(Target::Json(id)),
        _ => Some(Target::Member(id, decode(rest.strip_prefix("members/")?)?)),
    }
}

/// The path without its components `.` and `..`, as the URL standard takes them away: the runtime of the Worker has done so
/// before it asks us, and every server must give the same answer.
fn without_dots(path: &str) -> String {
    let is_plain = |byte: u8| byte != b'.' && byte != b'\\' && byte != b'%';
    if path.bytes().all(is_plain) {
        return path.to_owned();
    }
    let path = path.replace('\\', "/");
    let mut kept: Vec<&str> = Vec::new();
    let components: Vec<&str> = path.split('/').skip(1).collect();
    for (number, component) in components.iter().enumerate() {
        let is_last = number + 1 == components.len();
        match component.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." => {}
            ".." => drop(kept.pop()),
            _ => {
                kept.push(component);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_an_archive_or_a_part_of_it() {
        let one = |id: &str| Some(Target::One(id.to_owned()));
        let member = |id: &str, name: &str| Some(Target::Member(id.to_owned(), name.to_owned()));
        for (path, expected) in [
            ("/archives", Some(Target::All)),
            ("/archives/", one("")),
            ("/archives/a", one("a")),
            ("/archives/a%2Fb", one("a/b")),
            ("/archives/a%252Fb", one("a%2Fb")),
            ("/archivesx", None),
            ("/archives/a/", None),
            ("/archives/a/x", None),
            ("/archives/a/record", Some(Target::Record("a".to_owned()))),
            ("/archives/a/record/", None),
            ("/archives/a/json", Some(Target::Json("a".to_owned()))),
            ("/archives/a/members", None),
            ("/archives/a/members/", member("a", "")),
            ("/archives/a/members/b/c.txt", member("a", "b/c.txt")),
            ("/archives/a/members/b%2Fc.txt", member("a", "b/c.txt")),
            ("/archives/a/members/%252e%252e", member("a", "%2e%2e")),
            ("/archives/a/members//b", member("a", "/b")),
            ("/archives/a/members/..", None),
            ("/archives/a/members/../record", Some(Target::Record("a".to_owned()))),
            ("/archives/a/members/%2e%2e/%2E./b", one("b")),
            ("/archives/a/members/b\\..\\c", member("a", "c")),
            ("/archives/a/members/./b", member("a", "b")),
            ("/archives/a/members/b/.", member("a", "b/")),
            ("/archives/../archives/a", one("a")),
            ("/archives/..", None),
            ("/archives/a/members/%ff", None),
            ("/archives/a/members/.b..c", member("a", ".b..c")),
        ] {
            assert_eq!(target(path), expected, "{path}");
        }
    }
}

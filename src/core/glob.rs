//! A pattern for members' names.
//!
//! This is our own because patterns come from strangers. The established libraries take exponential time for some
//! patterns (alternatives in braces), compare bytes instead of characters, or split folders by the platform's rules.

/// A parsed pattern; [`crate::Selection::new`] gives the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Component>);

/// The part of a pattern between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Component {
    /// `**`: any number of components.
    Deep,
    /// One component.
    One(Vec<PatternPart>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternPart {
    /// `*`: any number of characters.
    Many,
    /// `?`: one character.
    Any,
    Char(char),
}

impl Glob {
    /// Parses `pattern`, or returns the problem. A pattern that cannot match any name is an error.
    pub(crate) fn new(pattern: &str) -> Result<Self, &'static str> {
        if pattern.is_empty() {
            return Err("it is empty");
        }
        let (stem, is_folder) = pattern.strip_suffix('/').map_or((pattern, false), |stem| (stem, true));
        let mut components = Vec::new();
        for component in stem.split('/') {
            components.push(match component {
                "" => return Err("no name starts with a slash, or has two in a row"),
                "." | ".." => return Err("no name has a component \".\" or \"..\""),
                "**" => Component::Deep,
                _ => Component::One(tokens(component)?),
            });
        }
        if is_folder {
            // A folder's name ends in a slash, so its last component is empty.
            components.push(Component::One(vec![PatternPart::Many]));
        }
        Ok(Self(components))
    }

    /// True if it matches `name` or a folder that contains it.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let components: Vec<_> = name.split('/').collect();
        let is_deep = |component: &Component| *component == Component::Deep;
        let same = |component: &Component, name: &&str| match component {
            Component::Deep => false,
            Component::One(tokens) => {
                let characters: Vec<_> = name.chars().collect();
                matches(tokens, &characters, false, |token| *token == PatternPart::Many, same_character)
            }
        };
        matches(&self.0, &components, true, is_deep, same)
    }
}

fn tokens(component: &str) -> Result<Vec<PatternPart>, &'static str> {
    let mut tokens = Vec::new();
    let mut characters = component.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => PatternPart::Many,
            '?' => PatternPart::Any,
            '[' | ']' | '{' | '}' => return Err("brackets and braces need a \"\\\" before them"),
            '\\' => PatternPart::Char(characters.next().ok_or("its last \"\\\" has no character after it")?),
            character => PatternPart::Char(character),
        });
    }
    Ok(tokens)
}

fn same_character(token: &PatternPart, character: &char) -> bool {
    match token {
        PatternPart::Many => false,
        PatternPart::Any => true,
        PatternPart::Char(wanted) => wanted == character,
    }
}

/// True if `pattern` matches `subject`, or a prefix of it if `may_be_longer`. Elements for which `is_many` is true
/// match any number of subject elements. Of several such elements only the last ever needs to match more than it first
/// did, so the work is at most the product of both lengths.
fn matches<P, S>(
    pattern: &[P],
    subject: &[S],
    may_be_longer: bool,
    is_many: impl Fn(&P) -> bool,
    same: impl Fn(&P, &S) -> bool,
) -> bool {
    let (mut at, mut next) = (0, 0);
    // Where to retry: the position after the last "many" element, and the subject position tried last.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(at) {
            None if may_be_longer || next == subject.len() => return true,
            Some(many) if is_many(many) => {
                at += 1;
                retry = Some((at, next));
                continue;
            }
            Some(one) if subject.get(next).is_some_and(|element| same(one, element)) => {
                (at, next) = (at + 1, next + 1);
                continue;
            }
            _ => {}
        }
        match &mut retry {
            Some((behind, tried)) if *tried < subject.len() => {
                *tried += 1;
                (at, next) = (*behind, *tried);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_names_as_the_rules_say() {
        for (pattern, matching, other) in [
            ("meta", &["meta", "meta/", "meta/a", "meta/a/b"][..], &["metadata", "a/meta", "Meta", "met"][..]),
            ("meta/", &["meta/", "meta/a", "meta/a/b"], &["meta", "a/meta/"]),
            ("*.txt", &["a.txt", ".txt", "a.txt/b"], &["d/a.txt", "a.txt.gz", "atxt"]),
            ("d/*.txt", &["d/a.txt"], &["a.txt", "d/e/a.txt", "d/"]),
            ("**/*.txt", &["a.txt", "d/a.txt", "d/e/f/a.txt"], &["a.gz", "d/a.gz"]),
            ("d/**", &["d/", "d/a", "d/e/f", "d"], &["e/d", "da"]),
            ("d/**/f", &["d/f", "d/e/f", "d/e/e/f", "d/e/f/g"], &["d/", "d/e", "f"]),
            ("**/e/**/g", &["e/g", "d/e/f/g", "e/e/g/h"], &["e", "g", "g/e"]),
            ("?", &["a", "é", "日", "a/b"], &["ab", "日本"]),
            ("a?c*e", &["abcde", "abce", "abcee"], &["ace", "abcdef"]),
            ("*a*b*a*", &["aba", "xaxbxax", "aabbaa"], &["ab", "bab", "xbaxb"]),
            ("a**b", &["ab", "axxb"], &["a/b"]),
            (r"\*\[1\]\{\}\\", &[r"*[1]{}\"], &["x[1]{}"]),
            ("*", &["a", "a/b", "d/"], &[]),
            ("**", &["a", "a/b", "d/"], &[]),
            ("*/", &["d/", "d/a"], &["a"]),
            ("d/?*", &["d/a", "d/a/"], &["d/", "d"]),
            ("__leading_data", &["__leading_data"], &["_leading_data"]),
        ] {
            let glob = Glob::new(pattern).unwrap();
            for name in matching {
                assert!(glob.matches(name), "{pattern} matches {name}");
            }
            for name in other {
                assert!(!glob.matches(name), "{pattern} does not match {name}");
            }
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for pattern in ["", "/", "/a", "a//b", "a//", "./a", "a/..", "..", "[ab]", "{a,b}", "a]", "a\\", "**/../a"] {
            assert!(Glob::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn the_work_is_at_most_the_product_of_both_lengths() {
        let pattern = vec![true; 200].into_iter().flat_map(|many| [many, false]).collect::<Vec<_>>();
        let subject = [vec!['a'; 4000], vec!['b']].concat();
        let compared = std::cell::Cell::new(0_usize);
        let matched = matches(
            &pattern,
            &subject,
            false,
            |&many| many,
            |_, &character| {
                compared.set(compared.get() + 1);
                character == 'a'
            },
        );
        assert!(!matched);
        assert!(compared.get() <= pattern.len() * subject.len(), "{} comparisons", compared.get());
    }
}

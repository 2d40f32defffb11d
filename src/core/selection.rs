//! A choice among the members: the ones to write, and the ones to write first.

use thiserror::Error as ThisError;

use crate::glob::Glob;

/// Maximum length of all patterns together, in bytes. Matching a name costs time in proportion to it.
const MAX_PATTERN_BYTES: usize = 1024;

/// Maximum number of names that can come first, and their maximum length together.
const MAX_FIRST: usize = 16;
const MAX_FIRST_BYTES: usize = 4096;

/// Selects the members to write and the ones to write first. The default selects all, in the zip's order.
///
/// Members you leave out are still read and verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
    first: Vec<String>,
    /// Length of all patterns together.
    pattern_bytes: usize,
}

/// An invalid selection.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{option} is {value:?}: {problem}")]
pub struct BadSelection {
    /// `include`, `exclude` or `first`.
    pub option: &'static str,
    /// The pattern or name.
    pub value: String,
    /// The reason.
    pub problem: String,
}

impl Selection {
    /// Selects the members that match a pattern of `include` (all if it is empty) and no pattern of `exclude`.
    ///
    /// A pattern must match a whole name as it is in the tarball. `?` matches one character and `*` any number of them,
    /// but not `/`. The component `**` matches any number of folders, also none. A pattern that matches a folder
    /// matches everything in it. A pattern with a trailing `/` matches only folders. `\` removes the special meaning of
    /// the next character. Matching is case-sensitive.
    ///
    /// `first` holds names, not patterns. These members come first, in this order; all others follow in the zip's
    /// order. Members that come before them in the zip are held back in memory, up to [`crate::Limits::memory_bytes`].
    ///
    /// # Errors
    ///
    /// An invalid pattern; a name in `first` that is not selected or given twice; too many names or patterns.
    pub fn new<T: AsRef<str>>(
        include: impl IntoIterator<Item = T>,
        exclude: impl IntoIterator<Item = T>,
        first: impl IntoIterator<Item = T>,
    ) -> Result<Self, BadSelection> {
        let mut selection = Self::default();
        for pattern in include {
            let glob = selection.pattern("include", pattern.as_ref())?;
            selection.include.push(glob);
        }
        for pattern in exclude {
            let glob = selection.pattern("exclude", pattern.as_ref())?;
            selection.exclude.push(glob);
        }
        let mut first_bytes = 0;
        for name in first {
            let name = name.as_ref();
            first_bytes += name.len();
            let problem = match () {
                () if name.is_empty() => "no member has an empty name".to_owned(),
                () if selection.first.iter().any(|other| other == name) => "it is given twice".to_owned(),
                () if selection.first.len() == MAX_FIRST => {
                    format!("at most {MAX_FIRST} members can come first")
                }
                () if first_bytes > MAX_FIRST_BYTES => {
                    format!("the names that come first exceed {MAX_FIRST_BYTES} bytes together")
                }
                () if !selection.selects(name) => "it is not among the members that are selected".to_owned(),
                () => {
                    selection.first.push(name.to_owned());
                    continue;
                }
            };
            return Err(BadSelection { option: "first", value: name.to_owned(), problem });
        }
        Ok(selection)
    }

    fn pattern(&mut self, option: &'static str, pattern: &str) -> Result<Glob, BadSelection> {
        let bad = |problem| BadSelection { option, value: pattern.to_owned(), problem };
        self.pattern_bytes += pattern.len();
        if self.pattern_bytes > MAX_PATTERN_BYTES {
            return Err(bad(format!("the patterns exceed {MAX_PATTERN_BYTES} bytes together")));
        }
        Glob::new(pattern).map_err(|problem| bad(problem.to_owned()))
    }

    /// True if the member with this name (as in the tarball) is written.
    pub fn selects(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.matches(name)))
            && !self.exclude.iter().any(|glob| glob.matches(name))
    }

    /// True if every member is selected, whatever its name.
    pub(crate) fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Names to write first, in order.
    pub(crate) fn first(&self) -> &[String] {
        &self.first
    }

    /// Upper bound of character comparisons in [`Self::selects`] for a name of `length` bytes.
    pub(crate) fn comparisons(&self, length: usize) -> u64 {
        self.pattern_bytes as u64 * length as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(include: &[&str], exclude: &[&str], first: &[&str]) -> Result<Selection, BadSelection> {
        Selection::new(include, exclude, first)
    }

    #[test]
    fn exclude_overrides_include() {
        let chosen = selection(&["saves", "*.txt"], &["**/*.tmp"], &[]).unwrap();
        for (name, selected) in
            [("saves/a", true), ("saves/a.tmp", false), ("a.txt", true), ("b.tmp", false), ("other", false)]
        {
            assert_eq!(chosen.selects(name), selected, "{name}");
        }
        assert!(selection(&[], &["b"], &[]).unwrap().selects("a"));
        assert!(Selection::default().is_all() && Selection::default().selects("a"));
    }

    #[test]
    fn an_invalid_selection_is_refused_with_its_option_and_value() {
        let many: Vec<_> = (0..17).map(|number| number.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let long = "x".repeat(1025);
        let longer = "x".repeat(4097);
        for (include, exclude, first, refusal) in [
            (&["["][..], &[][..], &[][..], "include is \"[\": "),
            (&[], &[""], &[], "exclude is \"\": it is empty"),
            (&["a"], &[&long[..1024]], &[], "exclude is \"xxx"),
            (&[], &[], &[""], "first is \"\": no member has an empty name"),
            (&[], &[], &["a", "b", "a"], "first is \"a\": it is given twice"),
            (&[], &[], &many, "first is \"16\": at most 16 members can come first"),
            (&[], &[], &[&longer[..]], "first is \"xxx"),
            (&["a"], &[], &["b"], "first is \"b\": it is not among the members that are selected"),
            (&[], &["b"], &["b"], "first is \"b\": it is not among the members that are selected"),
        ] {
            let refused = selection(include, exclude, first).unwrap_err().to_string();
            assert!(refused.starts_with(refusal), "{refused}");
        }
        selection(&[&long[..1024]], &[], &[]).unwrap();
        selection(&[], &[], &many[..16]).unwrap();
        selection(&[], &[], &[&longer[..4096]]).unwrap();
    }
}

//! A choice among the members: which of them are written, and which of these come first.

use thiserror::Error as ThisError;

use crate::glob::Glob;

/// Bytes of all patterns together: what it costs to compare a name with them is in proportion.
const MAX_PATTERN_BYTES: usize = 1024;

/// Names that can come first, and their bytes together.
const MAX_FIRST: usize = 16;
const MAX_FIRST_BYTES: usize = 4096;

/// Which members are written to the tarball, and which of them stand at its start. By default all, in the zip's order.
///
/// Whatever is chosen, every member is read and verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
    first: Vec<String>,
    /// Of all patterns.
    pattern_bytes: usize,
}

/// A choice that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{option} is {value:?}: {problem}")]
pub struct BadSelection {
    /// `include`, `exclude` or `first`.
    pub option: &'static str,
    /// The pattern or name.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Selection {
    /// Writes the members that one of `include` matches, or all if there is none, but those that one of `exclude` matches.
    ///
    /// Both are patterns for the whole of a name as it is in the tarball. `?` stands for one character and `*` for any number
    /// of them, neither for a `/`; a component `**` for any number of folders, none included. A pattern that matches a
    /// folder matches all that is in it; with a `/` at its end, nothing but a folder. `\` takes its meaning from the character behind it. Upper
    /// and lower case differ.
    ///
    /// `first` are names, not patterns: these members come first, in this order, and all others in that of the zip. What
    /// comes before them in the zip is held back, which [`crate::Limits::memory_bytes`] bounds.
    ///
    /// # Errors
    ///
    /// What is no pattern; a name that is to come first and is not selected, or is given twice; too many of either.
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
                    format!("it is one more than the {MAX_FIRST} that there may be")
                }
                () if first_bytes > MAX_FIRST_BYTES => {
                    format!("with it, the names that come first have more than {MAX_FIRST_BYTES} bytes")
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
            return Err(bad(format!("with it, the patterns have more than {MAX_PATTERN_BYTES} bytes")));
        }
        Glob::new(pattern).map_err(|problem| bad(problem.to_owned()))
    }

    /// Whether the member of this name, as it is in the tarball, is written.
    pub fn selects(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.matches(name)))
            && !self.exclude.iter().any(|glob| glob.matches(name))
    }

    /// Whether every member is selected, whatever its name.
    pub(crate) fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Names that are to come first, in their order.
    pub(crate) fn first(&self) -> &[String] {
        &self.first
    }

    /// How many comparisons of characters [`Self::selects`] takes at most for a name of `length` bytes.
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
    fn what_is_excluded_is_out_whatever_includes_it() {
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
    fn a_choice_that_cannot_be_made_is_refused_with_its_option_and_value() {
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
            (&[], &[], &many, "first is \"16\": it is one more than the 16 that there may be"),
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

//! Warnings: details of a valid zip that the tarball changes or cannot keep.

use std::fmt;

/// One detail that the tarball changes or cannot keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A save's header and metadata, which come before the zip and are not a member of it.
    LeadingData,
    /// The name was not UTF-8; it was decoded as code page 437.
    NameFromCodePage437,
    /// The name comes from Info-ZIP's Unicode Path field (APPNOTE §4.6.9).
    NameFromUnicodeField,
    /// The path was normalised: backslashes, doubled slashes or `.` components are gone.
    NameChanged,
    /// The time has no zone, as MS-DOS writes it; it was taken as UTC (APPNOTE §4.4.6).
    TimeWithoutZone,
    /// The zip has no valid time; the tarball says 1970.
    TimeUnknown,
    /// The central directory declares permissions that the tarball does not have.
    ModeLost,
    /// The central directory calls the member a symbolic link. The tarball has a file with the link's target as
    /// contents.
    SymlinkAsFile,
    /// The central directory calls the member a pipe or a socket. The tarball has a file.
    SpecialAsFile,
    /// The zip has a comment on the member or on the archive.
    CommentLost,
    /// The zip has the member again, with the same contents. The tarball has the first one.
    DuplicateDropped,
}

impl Warning {
    /// All warnings, in the order of output.
    pub const ALL: [Self; 11] = [
        Self::LeadingData,
        Self::NameFromCodePage437,
        Self::NameFromUnicodeField,
        Self::NameChanged,
        Self::TimeWithoutZone,
        Self::TimeUnknown,
        Self::ModeLost,
        Self::SymlinkAsFile,
        Self::SpecialAsFile,
        Self::CommentLost,
        Self::DuplicateDropped,
    ];

    /// A stable word for programs; once published it does not change its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::LeadingData => "leading_data",
            Self::NameFromCodePage437 => "name_from_cp437",
            Self::NameFromUnicodeField => "name_from_unicode_field",
            Self::NameChanged => "name_changed",
            Self::TimeWithoutZone => "time_without_zone",
            Self::TimeUnknown => "time_unknown",
            Self::ModeLost => "mode_lost",
            Self::SymlinkAsFile => "symlink_as_file",
            Self::SpecialAsFile => "special_as_file",
            Self::CommentLost => "comment_lost",
            Self::DuplicateDropped => "duplicate_dropped",
        }
    }
}

/// A set of warnings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Warnings(u16);

impl Warnings {
    pub(crate) fn insert(&mut self, warning: Warning) {
        self.0 |= 1 << warning as u16;
    }

    /// True if the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of [`Warning::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL.into_iter().filter(move |&warning| self.0 & 1 << warning as u16 != 0)
    }
}

impl<const N: usize> From<[Warning; N]> for Warnings {
    fn from(warnings: [Warning; N]) -> Self {
        let mut set = Self::default();
        warnings.into_iter().for_each(|warning| set.insert(warning));
        set
    }
}

/// A count for each warning.
///
/// It keeps no names, so its size does not depend on the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WarningCounts([u64; Warning::ALL.len()]);

impl WarningCounts {
    pub(crate) fn add(&mut self, warnings: Warnings) {
        warnings.iter().for_each(|warning| self.0[warning as usize] += 1);
    }

    /// The warnings that occurred, in the order of [`Warning::ALL`].
    pub fn iter(self) -> impl Iterator<Item = (Warning, u64)> {
        Warning::ALL.into_iter().zip(self.0).filter(|&(_, count)| count > 0)
    }
}

impl fmt::Display for WarningCounts {
    /// As a JSON object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (warning, count)) in self.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, r#"{comma}"{}":{count}"#, warning.code())?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_iterates_in_the_order_of_all() {
        let set = Warnings::from([Warning::CommentLost, Warning::LeadingData, Warning::CommentLost]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Warning::LeadingData, Warning::CommentLost]);
        assert!(Warnings::default().is_empty() && !set.is_empty());
        let mut all = Warnings::default();
        Warning::ALL.into_iter().for_each(|warning| all.insert(warning));
        assert_eq!(all.iter().collect::<Vec<_>>(), Warning::ALL);
    }

    #[test]
    fn counts_omit_warnings_that_did_not_occur() {
        let mut counts = WarningCounts::default();
        counts.add([Warning::ModeLost, Warning::CommentLost].into());
        counts.add([Warning::ModeLost].into());
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(Warning::ModeLost, 2), (Warning::CommentLost, 1)]);
    }
}

//! Listings: JSON as the core writes it, or a table for people.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use recompress::{Inspection, Limits, Listing, save::Words};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    CommandError,
    arguments::Inspect,
    failed, json,
    pump::{Input, run_steps},
};

/// A line of the core's listing.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Member(Member),
    Warning { warning: String, name: String },
    Save { save: Option<Value> },
    Totals(Totals),
}

#[derive(Deserialize)]
struct Member {
    name: String,
    size: u64,
    compressed_size: u64,
    method: String,
    mode: String,
    mtime: Option<i64>,
    warnings: Vec<String>,
}

/// The sums over all members.
#[derive(Deserialize)]
pub struct Totals {
    pub members: u64,
    pub size: u64,
    compressed_size: u64,
    pub zip_bytes: u64,
    warnings: BTreeMap<String, u64>,
}

/// Lists a zip on standard output.
pub fn list(arguments: &Inspect) -> Result<(), CommandError> {
    let mut source = Input::open(&arguments.input)?;
    let stdout = Path::new("-");
    let listing = arguments.listing();
    let (limits, names) = ((&arguments.limits).into(), arguments.names.unwrap_or_default());
    let mut inspection = Inspection::new(listing.unwrap_or(Listing::Lines), limits).naming(names);
    if arguments.meta {
        let tokens = arguments.tokens.as_deref().map(json::tokens).transpose()?;
        inspection = inspection.with_metadata(json::game(&arguments.input), Words { tokens, lookups: None });
    }
    if let Some(directory) = source.directory(arguments.directory.when(), limits, names)? {
        inspection = inspection.knowing(directory)?;
    }
    if listing.is_some() {
        run_steps(&mut inspection, source, io::stdout().lock(), stdout, true)?;
        return Ok(());
    }
    let mut table = Lines::new(Table { out: io::stdout().lock(), has_heading: false });
    run_steps(&mut inspection, source, &mut table, stdout, false)?;
    Ok(())
}

/// The sums over the members of a zip, which is read and verified to its end.
pub fn totals(source: Input<'_>, limits: Limits) -> Result<Totals, CommandError> {
    let name = source.name;
    let mut inspection = Inspection::new(Listing::Lines, limits);
    let mut lines = Lines::new(None);
    run_steps(&mut inspection, source, &mut lines, Path::new("-"), true)?;
    lines.sink.ok_or_else(|| failed("read", name, &io::ErrorKind::UnexpectedEof.into()))
}

/// A writer that cuts its bytes into lines for a sink.
struct Lines<S> {
    partial: Vec<u8>,
    sink: S,
}

trait Sink {
    fn take(&mut self, line: Line) -> io::Result<()>;
}

impl<S: Sink> Lines<S> {
    fn new(sink: S) -> Self {
        Self { partial: Vec::new(), sink }
    }
}

impl<S: Sink> Write for Lines<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.sink.take(serde_json::from_slice(&self.partial)?)?;
                self.partial.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Option<Totals> {
    fn take(&mut self, line: Line) -> io::Result<()> {
        if let Line::Totals(totals) = line {
            *self = Some(totals);
        }
        Ok(())
    }
}

/// A table that grows by a row as each member is read.
struct Table<W> {
    out: W,
    has_heading: bool,
}

const HEADING: &str = "        size   compressed      method  mode  modified (UTC)    name";

/// The fields of a save's metadata, in the order of the table.
const SAVE_FIELDS: [&str; 10] =
    ["game_name", "version", "date", "player", "ironman", "multiplayer", "mods", "dlc", "checksum", "form"];

/// The column of the names.
const NAME: usize = 64;

impl<W: Write> Sink for Table<W> {
    fn take(&mut self, line: Line) -> io::Result<()> {
        if !self.has_heading {
            self.has_heading = true;
            writeln!(self.out, "{HEADING}")?;
        }
        match line {
            Line::Member(Member { name, size, compressed_size, method, mode, mtime, warnings }) => {
                let modified = mtime.map_or_else(|| "-".to_owned(), utc);
                let name = printable(&name);
                writeln!(self.out, "{size:>12} {compressed_size:>12} {method:>11}  {mode}  {modified:<16}  {name}")?;
                if !warnings.is_empty() {
                    writeln!(self.out, "{:NAME$}warning: {}", "", warnings.join(", "))?;
                }
                Ok(())
            }
            Line::Warning { warning, name } => {
                writeln!(self.out, "{:NAME$}warning: {warning}: {}", "", printable(&name))
            }
            Line::Save { save: None } => writeln!(self.out, "not a save"),
            Line::Save { save: Some(save) } => {
                for key in SAVE_FIELDS {
                    match &save[key] {
                        Value::Null => {}
                        Value::String(text) => writeln!(self.out, "{key}: {}", printable(text))?,
                        Value::Array(items) => {
                            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                            writeln!(self.out, "{key}: {}", printable(&items.join(", ")))?;
                        }
                        other => writeln!(self.out, "{key}: {other}")?,
                    }
                }
                Ok(())
            }
            Line::Totals(Totals { members, size, compressed_size, zip_bytes, warnings }) => {
                writeln!(self.out, "{size:>12} {compressed_size:>12}  {members} members, {zip_bytes} bytes of zip")?;
                for (warning, count) in warnings {
                    writeln!(self.out, "warning: {warning}, {count} times")?;
                }
                Ok(())
            }
        }
    }
}

/// A name that cannot command a terminal.
pub fn printable(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}

/// Date and time to the minute. The civil date is computed from the days since 0000-03-01 in eras of 400 years.
pub fn utc(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, after) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02} {:02}:{:02}", era * 400 + year + after, rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_civil_date() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00"),
            (-1, "1969-12-31 23:59"),
            (951_782_400, "2000-02-29 00:00"),
            (1_741_694_400, "2025-03-11 12:00"),
            (4_107_542_399, "2100-02-28 23:59"),
            (4_107_542_400, "2100-03-01 00:00"),
        ] {
            assert_eq!(utc(seconds), expected);
        }
    }
}

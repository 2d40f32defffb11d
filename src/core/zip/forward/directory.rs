//! The central directory and the end records, compared with the members that were read.

use super::{
    Event, ReadResult, State, ZipReader,
    ledger::{Claim, CopyOf, Declared, NameDigest},
    name,
    record::{
        self, CENTRAL_HEADER, CentralHeader, DIGITAL_SIGNATURE, END, End, FLAGS_ENCRYPTED, IN_ZIP64, ZIP64_END,
        ZIP64_LOCATOR, Zip64End, Zip64Locator,
    },
    {extra, record::Fields},
};
use crate::{
    error::{Error, Format, Unsupported},
    warning::{Warning, Warnings},
};

/// Maximum number of zeros after the end record: some writers fill a tape block.
pub(crate) const MAX_TRAILING: u64 = 1 << 20;

/// Maximum number of line end characters after the end record: editors and text-mode transfers add some. They hide nothing,
/// because a backward search finds the same end record.
pub(crate) const MAX_LINE_ENDS: u64 = 4;

/// Maximum size of the zip64 end record's extensible data. No known program writes any.
pub(crate) const MAX_EXTENSIBLE: u64 = 64 << 10;

/// A digital signature without its data (APPNOTE §4.3.13).
const DIGITAL_SIGNATURE_LENGTH: usize = 6;

/// The 16-bit value that refers to the zip64 end record.
const IN_ZIP64_16: u16 = u16::MAX;

/// The position in the directory.
#[derive(Debug)]
pub(super) struct Directory {
    /// Offset of its first record from the start of the file.
    start: u64,
    stage: DirectoryStage,
}

#[derive(Debug)]
enum DirectoryStage {
    /// A header, or a record that may follow the last header.
    Headers,
    /// The first end record, after a digital signature.
    Ends,
    /// The zip64 locator, after the zip64 end record that starts at `zip64_end`.
    Zip64Locator { zip64_end: u64 },
    /// The end record, after the locator of the zip64 end record that starts at `zip64_end`.
    End { zip64_end: u64 },
    /// The archive comment. `length` includes the end record before it.
    Comment { length: usize },
}

impl Directory {
    pub(super) fn new(start: u64) -> Self {
        Self { start, stage: DirectoryStage::Headers }
    }

    /// The part being read, in words.
    pub(super) fn inside(&self) -> &'static str {
        match self.stage {
            DirectoryStage::Headers | DirectoryStage::Ends => "the central directory",
            DirectoryStage::Zip64Locator { .. } | DirectoryStage::End { .. } => "the end records",
            DirectoryStage::Comment { .. } => "the archive comment",
        }
    }

    /// The length of the record that starts with `signature`, as far as known from the gathered bytes. `None` if it may
    /// not come here.
    fn record_length(&self, signature: u32, gathered: &[u8]) -> Option<usize> {
        let length = match (signature, &self.stage) {
            (CENTRAL_HEADER, DirectoryStage::Headers) => {
                CentralHeader::parse(gathered).map_or(CentralHeader::LENGTH, |header| header.whole_length())
            }
            (DIGITAL_SIGNATURE, DirectoryStage::Headers) => {
                DIGITAL_SIGNATURE_LENGTH + Fields(&gathered[4..]).u16().map_or(0, usize::from)
            }
            (ZIP64_END, DirectoryStage::Headers | DirectoryStage::Ends) => {
                Zip64End::LENGTH + Zip64End::parse(gathered).as_ref().and_then(extensible).unwrap_or(0)
            }
            (ZIP64_LOCATOR, DirectoryStage::Zip64Locator { .. }) => Zip64Locator::LENGTH,
            (END, DirectoryStage::Headers | DirectoryStage::Ends | DirectoryStage::End { .. }) => End::LENGTH,
            _ => return None,
        };
        Some(length)
    }

    fn at(self, stage: DirectoryStage) -> State {
        State::Directory(Self { stage, ..self })
    }
}

impl ZipReader {
    pub(super) fn directory(&mut self, directory: Directory, input: &[u8]) -> ReadResult {
        if let DirectoryStage::Comment { length } = directory.stage {
            return self.comment(directory, length, input);
        }
        let mut taken = self.gather(4, input)?;
        let Some(signature) = record::signature(&self.record) else {
            return self.wait_in(State::Directory(directory), taken);
        };
        let Some(length) = directory.record_length(signature, &self.record) else {
            return self.unexpected_record(taken);
        };
        taken += self.gather(length, &input[taken..])?;
        if self.record.len() < length {
            return self.wait_in(State::Directory(directory), taken);
        }
        if directory.record_length(signature, &self.record) != Some(length) {
            return self.go_to(State::Directory(directory), taken);
        }
        let record_start = self.record_start(taken);
        let mut event = Event::Working;
        let next = match signature {
            CENTRAL_HEADER => {
                let header = CentralHeader::parse(&self.record).expect("its length was gathered");
                event = self.central_header(&header)?;
                State::Directory(directory)
            }
            DIGITAL_SIGNATURE => {
                refuse_records_in(&self.record[DIGITAL_SIGNATURE_LENGTH..], || "a digital signature".to_owned())?;
                directory.at(DirectoryStage::Ends)
            }
            ZIP64_END => {
                let record = Zip64End::parse(&self.record).expect("its length was gathered");
                if counts_itself(&record, &self.record) {
                    let fields = Zip64End::LENGTH as u64;
                    return Err(bad_end_record("the size of the zip64 end record", fields, fields - 12));
                }
                self.zip64_end(&record, &directory, record_start)?;
                // Readers that assume it is empty expect this record 76 bytes before the end record.
                refuse_records_in(&self.record[4..], || "the zip64 end record".to_owned())?;
                directory.at(DirectoryStage::Zip64Locator { zip64_end: record_start })
            }
            ZIP64_LOCATOR => {
                let DirectoryStage::Zip64Locator { zip64_end } = directory.stage else {
                    unreachable!("the length of a locator is known in this stage alone")
                };
                let locator = Zip64Locator::parse(&self.record).expect("its length was gathered");
                self.zip64_locator(&locator, zip64_end)?;
                directory.at(DirectoryStage::End { zip64_end })
            }
            _ => {
                let end = End::parse(&self.record).expect("its length was gathered");
                self.end(&end, &directory, record_start)?;
                let length = End::LENGTH + usize::from(end.comment_length);
                return self.go_to(directory.at(DirectoryStage::Comment { length }), taken);
            }
        };
        self.record.clear();
        self.state = next;
        Ok((taken, event))
    }

    fn central_header(&mut self, header: &CentralHeader) -> Result<Event, Error> {
        let variable = &self.record[CentralHeader::LENGTH..];
        let (raw_name, rest) = variable.split_at(header.name_length.into());
        let (extra, _comment) = rest.split_at(header.extra_length.into());
        let name = name::shown(raw_name);
        if header.flags & FLAGS_ENCRYPTED != 0 {
            let problem = format!("it says that {name:?} is encrypted");
            return Err(Format::DirectoryMismatch { problem }.into());
        }
        // All readers treat a trailing slash as a directory. If only the attributes say so, some readers see a file;
        // refuse.
        if let Some(kind) = header.kind()
            && !matches!(raw_name, [.., b'/' | b'\\'])
        {
            return Err(Format::DirectoryMismatch { problem: format!("it says that {name:?} is {kind}") }.into());
        }
        if !matches!(header.disk, 0 | IN_ZIP64_16) {
            return Err(Unsupported::MultiDisk.into());
        }
        refuse_records_in(variable, || format!("the directory's record of {name:?}"))?;
        // A member's name is never longer than the limit and always decodes.
        let fits =
            name::decoded_length(raw_name, extra, self.names).max(raw_name.len()) as u64 <= self.limits.name_bytes;
        let decoded = if fits { name::decode(raw_name, header.flags, extra, self.names).ok() } else { None };
        let Some(decoded) = decoded else {
            let problem = format!("it lists {name:?}, which is not a valid name");
            return Err(Format::DirectoryMismatch { problem }.into());
        };
        let narrow = [header.size, header.compressed_size, header.offset];
        let wide = extra::zip64(extra, narrow.map(|number| number == IN_ZIP64));
        let [size, compressed_size, offset] =
            [0, 1, 2].map(|index| wide[index].map_or(Declared::Narrow(narrow[index]), Declared::Wide));
        let claim = Claim {
            offset,
            compressed_size,
            size,
            crc32: header.crc32,
            method: header.method,
            name: NameDigest::new(raw_name, &decoded.name),
        };
        let number = self.ledger.confirm(&claim, &name)?;
        let row = self.ledger.row(number).expect("it was confirmed");
        let (mode, copy_of) = (row.mode, row.copy_of);
        let first = copy_of.and_then(|CopyOf(first)| self.ledger.row(first as usize));
        let mut warnings = header.warnings(first.map_or(mode, |first| first.mode));
        if first.is_some() {
            warnings.insert(Warning::DuplicateDropped);
        }
        let is_link = header.mode(false).is_some_and(record::is_link);
        let agrees = self.ledger.agrees_on_link(number, is_link);
        if warnings.is_empty() && agrees && self.known.is_none() {
            return Ok(Event::Working);
        }
        // A member has this name, so it is safe.
        let name = name::safe_path(&decoded.name, self.names)?;
        if !agrees {
            return Err(Format::DuplicateName { name, problem: "one of them is a link" }.into());
        }
        if self.known.is_some() && header.mode(name.ends_with('/')).is_some_and(|known| known != mode) {
            let problem = format!("the mode of {name:?} has changed while the file was read");
            return Err(Format::DirectoryMismatch { problem }.into());
        }
        if warnings.is_empty() {
            return Ok(Event::Working);
        }
        let selected = self.selection.selects(&name);
        Ok(Event::Warnings { warnings, name: Some(name), selected })
    }

    fn zip64_end(&self, record: &Zip64End, directory: &Directory, record_start: u64) -> Result<(), Error> {
        self.ledger.all_confirmed()?;
        if record.disk != 0 || record.directory_disk != 0 {
            return Err(Unsupported::MultiDisk.into());
        }
        let entries = self.ledger.len() as u64;
        expect("the number of members on this disk", record.entries_on_disk, entries)?;
        expect("the number of members", record.entries, entries)?;
        expect("the size of the central directory", record.directory_size, record_start - directory.start)?;
        self.expect_offset(
            "the offset of the central directory",
            Declared::Wide(record.directory_offset),
            directory.start,
        )?;
        if extensible(record).is_none() {
            let declared = record.extensible_length.unwrap_or_default();
            return Err(bad_end_record("the size of extensible data", declared, MAX_EXTENSIBLE));
        }
        Ok(())
    }

    fn zip64_locator(&self, locator: &Zip64Locator, zip64_end: u64) -> Result<(), Error> {
        if locator.disk != 0 || locator.disks > 1 {
            return Err(Unsupported::MultiDisk.into());
        }
        self.expect_offset("the offset of the zip64 end record", Declared::Wide(locator.end_offset), zip64_end)
    }

    fn end(&mut self, end: &End, directory: &Directory, record_start: u64) -> Result<(), Error> {
        self.ledger.all_confirmed()?;
        let zip64 = match directory.stage {
            DirectoryStage::End { zip64_end } => Some(zip64_end),
            _ => None,
        };
        let is_disk_0 = |disk: u16| disk == 0 || disk == IN_ZIP64_16 && zip64.is_some();
        if !is_disk_0(end.disk) || !is_disk_0(end.directory_disk) {
            return Err(Unsupported::MultiDisk.into());
        }
        let entries = self.ledger.len() as u64;
        for (field, declared) in
            [("the number of members on this disk", end.entries_on_disk), ("the number of members", end.entries)]
        {
            let agrees = match zip64 {
                Some(_) => declared == IN_ZIP64_16 || u64::from(declared) == entries,
                // Writers of more than 65,535 members without zip64 store the number modulo 65,536.
                None => declared == entries as u16,
            };
            if !agrees {
                return Err(bad_end_record(field, declared.into(), entries));
            }
        }
        let in_zip64 = |declared: u32| zip64.is_some() && declared == IN_ZIP64;
        let declared =
            |number: u32| if zip64.is_some() { Declared::Wide(number.into()) } else { Declared::Narrow(number) };
        let size = zip64.unwrap_or(record_start) - directory.start;
        if !in_zip64(end.directory_size) && !declared(end.directory_size).agrees_with(size) {
            return Err(bad_end_record("the size of the central directory", end.directory_size.into(), size));
        }
        if !in_zip64(end.directory_offset) {
            let offset = declared(end.directory_offset);
            self.expect_offset("the offset of the central directory", offset, directory.start)?;
        }
        Ok(())
    }

    fn expect_offset(&self, field: &'static str, declared: Declared, actual: u64) -> Result<(), Error> {
        if self.ledger.agrees_with_offset(declared, actual) {
            return Ok(());
        }
        Err(bad_end_record(field, declared.value(), actual))
    }

    fn comment(&mut self, directory: Directory, length: usize, input: &[u8]) -> ReadResult {
        let taken = self.gather(length, input)?;
        if self.record.len() < length {
            return self.wait_in(State::Directory(directory), taken);
        }
        // A signature may begin in the end record's own fields, the comment's length among them.
        refuse_records_in(&self.record[1..], || "the archive comment".to_owned())?;
        self.record.clear();
        self.unconfirmed = None;
        self.state = State::Trailing { zeros: 0, line_ends: 0 };
        let event = if length == End::LENGTH {
            Event::Working
        } else {
            Event::Warnings { warnings: Warnings::from([Warning::CommentLost]), name: None, selected: true }
        };
        Ok((taken, event))
    }

    pub(super) fn trailing(&mut self, mut zeros: u64, mut line_ends: u64, input: &[u8]) -> ReadResult {
        for (at, &byte) in input.iter().enumerate() {
            match byte {
                0 if zeros < MAX_TRAILING => zeros += 1,
                b'\r' | b'\n' if line_ends < MAX_LINE_ENDS => line_ends += 1,
                _ => return Err(Format::TrailingData { offset: self.received + at as u64 }.into()),
            }
        }
        self.state = State::Trailing { zeros, line_ends };
        Ok((input.len(), Event::NeedsInput))
    }
}

/// True if a zip64 end record wrongly includes its own first 12 bytes in its size. Its data then reaches into the locator.
fn counts_itself(record: &Zip64End, bytes: &[u8]) -> bool {
    record.extensible_length == Some(12) && record::signature(&bytes[Zip64End::LENGTH..]) == Some(ZIP64_LOCATOR)
}

/// The length of a zip64 end record's extensible data, if within the limit.
fn extensible(record: &Zip64End) -> Option<usize> {
    record.extensible_length.filter(|&length| length <= MAX_EXTENSIBLE).map(|length| length as usize)
}

/// Refuses `bytes` that hold a record's signature: readers that search for the end records could find others there.
fn refuse_records_in(bytes: &[u8], place: impl FnOnce() -> String) -> Result<(), Error> {
    if record::holds_signature(bytes) { Err(Format::ZipInComment { place: place() }.into()) } else { Ok(()) }
}

fn expect(field: &'static str, declared: u64, actual: u64) -> Result<(), Error> {
    if declared == actual { Ok(()) } else { Err(bad_end_record(field, declared, actual)) }
}

fn bad_end_record(field: &'static str, declared: u64, actual: u64) -> Error {
    Format::BadEndRecord { field, declared, actual }.into()
}

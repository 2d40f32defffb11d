//! The start of the file, up to the first record.

use super::{
    Coding, Contents, Data, Event, Kept, Method, ReadResult, State, Verified, ZipReader,
    directory::Directory,
    ledger::Ledger,
    order::HeldMember,
    record,
    sav_header::{self, Parsed, SavLine},
};
use crate::{
    error::{Error, Format, Unsupported},
    member::{Entry, EntryKind},
    warning::{Warning, Warnings},
    zip::{format::foreign, paths::NO_ROW},
};

/// The name of a save's header and metadata in the tarball.
pub(crate) const LEADING_DATA: &str = "__leading_data";

/// The coding of that data.
const AS_IS: Coding = Coding { method: Method::Stored, has_end_marker: false };

impl ZipReader {
    pub(super) fn start(&mut self, input: &[u8]) -> ReadResult {
        let taken = self.gather(4, input)?;
        let Some(start) = self.record.first_chunk() else { return self.wait_in(State::Start, taken) };
        let signature = u32::from_le_bytes(*start);
        if record::SPLIT_MARKERS.contains(&signature) {
            self.record.clear();
            return self.go_to(State::FirstSignature, taken);
        }
        if sav_header::is_save(start) {
            return self.go_to(State::SaveHeader, taken);
        }
        if let Some(what) = known_prefix(start) {
            let what = format!("{what}. Remove the bytes before \"PK\\x03\\x04\", or zip the contents again");
            return Err(Unsupported::Prefixed { what }.into());
        }
        match self.first_record(signature, taken)? {
            Some(state) => self.go_to(state, taken),
            None => self.foreign_start(input, taken),
        }
    }

    /// The state for the record that starts with `signature`, if a zip may start with it.
    fn first_record(&self, signature: u32, taken: usize) -> Result<Option<State>, Error> {
        Ok(match signature {
            record::LOCAL_HEADER => Some(State::LocalHeader),
            record::ZIP64_END | record::END => {
                self.order.end()?;
                Some(State::Directory(Directory::new(self.record_start(taken))))
            }
            _ => None,
        })
    }

    /// Reads on until the start of a file that is no zip tells its format.
    fn foreign_start(&mut self, input: &[u8], taken: usize) -> ReadResult {
        if !foreign::needs_more(&self.record) {
            return Err(not_zip(&self.record));
        }
        let more = self.gather(foreign::START_BYTES, &input[taken..])?;
        if foreign::needs_more(&self.record) {
            return self.wait_in(State::Start, taken + more);
        }
        Err(not_zip(&self.record))
    }

    pub(super) fn first_signature(&mut self, input: &[u8]) -> ReadResult {
        let taken = self.gather(4, input)?;
        let Some(signature) = record::signature(&self.record) else {
            return self.wait_in(State::FirstSignature, taken);
        };
        if let Some(state) = self.first_record(signature, taken)? {
            return self.go_to(state, taken);
        }
        let found = self.record.escape_ascii();
        let what = match self.save {
            None => format!("a split archive's marker, and then \"{found}\" instead of a zip"),
            Some(SavLine { kind: kind @ 0..=1, .. }) => {
                let form = if kind == 0 { "text" } else { "binary" };
                format!(
                    "the save is not compressed (kind {kind}, {form}), so it holds no zip. Upload a compressed save"
                )
            }
            Some(SavLine { length, metadata, .. }) => format!(
                "the save's header states {metadata} bytes of metadata, but \"{found}\" and not a zip is at offset {}. \
                 The header may be stale: save again in the game",
                length as u64 + metadata
            ),
        };
        Err(Unsupported::Prefixed { what }.into())
    }

    pub(super) fn save_header(&mut self, input: &[u8]) -> ReadResult {
        let mut taken = 0;
        let header = loop {
            match sav_header::parse(&self.record) {
                Parsed::Whole(header) => break header,
                Parsed::Unknown(what) => return Err(Unsupported::Prefixed { what }.into()),
                Parsed::Open { wanted } => {
                    let gathered = self.gather(wanted, &input[taken..])?;
                    taken += gathered;
                    if gathered == 0 {
                        return self.wait_in(State::SaveHeader, taken);
                    }
                }
            }
        };
        self.save = Some(header);
        let size = header.length as u64 + header.metadata;
        self.ledger = Ledger::new(size);
        self.paths.insert(LEADING_DATA, NO_ROW, &mut self.meter)?;
        let entry = Entry { name: LEADING_DATA.to_owned(), kind: EntryKind::File, mode: 0o644, mtime: 0, size };
        self.admit(&entry, Some(size))?;
        let data = Data { compressed_size: size, unpacked_before: 0, end: Some(size) };
        let begin = self.beginning(&entry, Method::Stored, false, data);
        let (event, kept) = self.announce_in_turn(begin);
        let contents = Contents::new(AS_IS, Some(size), &mut self.decoder, &mut self.meter);
        self.state = State::LeadingData { entry, contents, kept };
        Ok((taken, event))
    }

    pub(super) fn leading_data(
        &mut self,
        entry: Entry,
        mut contents: Contents,
        mut kept: Kept,
        input: &[u8],
        scratch: &mut [u8],
    ) -> ReadResult {
        let left = entry.size - contents.size();
        // The bytes gathered for the header come first.
        let gathered = !self.record.is_empty();
        let bytes = if gathered { &self.record } else { input };
        let offered = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = contents.read(&mut self.decoder, &mut self.meter, &bytes[..offered], scratch)?.consumed;
        if count == 0 {
            return self.wait_in(State::LeadingData { entry, contents, kept }, 0);
        }
        if gathered {
            self.record.drain(..count);
        }
        let is_kept = self.keep(&mut kept, &scratch[..count], &entry.name)?;
        let event = if is_kept { Event::Working } else { Event::Contents(count) };
        let warnings = Warnings::from([Warning::LeadingData]);
        self.state = match kept {
            kept if contents.size() < entry.size => State::LeadingData { entry, contents, kept },
            Kept::Early(spool) | Kept::Unsized(spool) => {
                let waiting = HeldMember { entry, coding: AS_IS, measured: contents.measured(), warnings, spool };
                self.wait(waiting)?;
                State::FirstSignature
            }
            Kept::Nothing | Kept::Target(_) | Kept::Copy => {
                let verified = Verified { coding: AS_IS, measured: contents.measured(), warnings };
                State::Verified { verified, then: Box::new(State::FirstSignature) }
            }
        };
        Ok((if gathered { 0 } else { count }, event))
    }
}

/// Describes a known kind of file that has other data before its zip.
fn known_prefix(start: &[u8; 4]) -> Option<&'static str> {
    Some(match start {
        [b'M', b'Z', ..] => "a program for Windows, as in a self-extracting archive",
        b"\x7fELF" => "a program for Linux, as in a self-extracting archive",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe] => {
            "a program for macOS, as in a self-extracting archive"
        }
        [b'#', b'!', ..] => "a script",
        b"JM\x01\x00" => "a Java module (.jmod)",
        b"Cr24" => "a Chrome extension (.crx)",
        _ => return None,
    })
}

/// The error for a file that is not a zip.
pub(super) fn not_zip(start: &[u8]) -> Error {
    Format::NotZip { found: foreign::describe(start) }.into()
}

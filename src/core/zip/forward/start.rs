//! The start of the file, up to the first record.

use super::{
    Contents, Event, Kept, Method, ReadResult, State, Verified, ZipReader, directory::Directory, ledger::Ledger,
    order::HeldMember, record, sav_header,
};
use crate::{
    error::{Error, Format, Unsupported},
    member::{Entry, EntryKind},
    warning::{Warning, Warnings},
    zip::format::foreign,
};

/// The name that a save's header and metadata get in the tarball.
const LEADING_DATA: &str = "__leading_data";

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
        match start {
            [b'M', b'Z', ..] => Err(Unsupported::Prefixed { what: "a program for Windows" }.into()),
            [b'#', b'!', ..] => Err(Unsupported::Prefixed { what: "a script" }.into()),
            _ => match self.first_record(signature, taken)? {
                Some(state) => self.go_to(state, taken),
                None => self.foreign_start(input, taken),
            },
        }
    }

    /// The state that reads the record which starts with `signature`, if a zip may start with it.
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

    /// Reads on until the start of a file that is no zip says what it is.
    fn foreign_start(&mut self, input: &[u8], taken: usize) -> ReadResult {
        let more = self.gather(foreign::START_BYTES, &input[taken..])?;
        if self.record.len() < foreign::START_BYTES {
            return self.wait_in(State::Start, taken + more);
        }
        Err(not_zip(&self.record))
    }

    pub(super) fn first_signature(&mut self, input: &[u8]) -> ReadResult {
        let taken = self.gather(4, input)?;
        let Some(signature) = record::signature(&self.record) else {
            return self.wait_in(State::FirstSignature, taken);
        };
        match self.first_record(signature, taken)? {
            Some(state) => self.go_to(state, taken),
            None => Err(Unsupported::Prefixed { what: "a header that no zip follows" }.into()),
        }
    }

    pub(super) fn save_header(&mut self, input: &[u8]) -> ReadResult {
        let taken = self.gather(sav_header::LENGTH, input)?;
        let Some(line) = self.record.first_chunk() else { return self.wait_in(State::SaveHeader, taken) };
        let Some((line_length, metadata)) = sav_header::parse(line) else {
            return Err(Unsupported::Prefixed { what: "a save header of an unknown kind" }.into());
        };
        let size = line_length as u64 + metadata;
        self.ledger = Ledger::new(size);
        self.paths.insert(LEADING_DATA, &mut self.meter)?;
        let entry = Entry { name: LEADING_DATA.to_owned(), kind: EntryKind::File, mode: 0o644, mtime: 0, size };
        let (event, kept) = self.begin_member(&entry, 0, Some(size))?;
        let contents = Contents::new(Method::Stored, &mut self.inflater);
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
        // What was gathered to read the header comes first.
        let gathered = !self.record.is_empty();
        let bytes = if gathered { &self.record } else { input };
        let offered = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = contents.read(Method::Stored, &mut self.inflater, &bytes[..offered], scratch).consumed;
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
                let waiting =
                    HeldMember { entry, method: Method::Stored, measured: contents.measured(), warnings, spool };
                self.wait(waiting)?;
                State::FirstSignature
            }
            Kept::Nothing => {
                let verified = Verified { method: Method::Stored, measured: contents.measured(), warnings };
                State::Verified { verified, then: Box::new(State::FirstSignature) }
            }
        };
        Ok((if gathered { 0 } else { count }, event))
    }
}

/// Says what a file that is no zip starts with.
pub(super) fn not_zip(start: &[u8]) -> Error {
    Format::NotZip { found: foreign::describe(start) }.into()
}

//! Members' data: given at once if the size is known, otherwise held.

use super::{
    Contents, Data, Event, Kept, Measured, Member, Method, ReadResult, Scan, State, Verified, ZipReader,
    descriptor::Match,
    indexed::{Links, MAX_TARGET, unsafe_link},
    ledger::{CopyOf, LedgerRow, Listed},
    order::HeldMember,
    record::{self, CENTRAL_HEADER, LINK, LOCAL_HEADER},
};
use crate::{
    error::{Error, Format, Limit, Unsupported},
    limits::Meter,
    member::{Entry, EntryKind},
    zip::{
        decoder::{Fault, Unpacked},
        spool::Spool,
    },
};

/// Bytes of a descriptor and a signature. They are held like contents until they are recognised.
const MAX_AFTER_CONTENTS: u64 = 28;

impl ZipReader {
    pub(super) fn contents(
        &mut self,
        member: Member,
        mut contents: Contents,
        compressed_size: Option<u64>,
        mut kept: Kept,
        input: &[u8],
        scratch: &mut [u8],
    ) -> ReadResult {
        // Some writers declare an empty file as compressed and write no data for it.
        if compressed_size == Some(0) {
            contents.read_as_stored();
        }
        let left = compressed_size.map_or(u64::MAX, |total| total - contents.compressed_size());
        let offered = &input[..at_most(input.len(), left)];
        // One surplus byte proves a wrong size. It is the same byte for any cut of the upload.
        let missing = member.entry.size - contents.size();
        let room = at_most(scratch.len(), missing.saturating_add(1));
        if let Kept::Early(spool) = &mut kept
            && !offered.is_empty()
        {
            let reserved = reserve_before(contents.method(), spool, &mut self.meter);
            reserved.map_err(|error| self.blame_first(&member.entry.name, error))?;
        }
        let mut unpacked = contents.read(&mut self.decoder, &mut self.meter, offered, &mut scratch[..room])?;
        unpacked.ended |= contents.method() == Method::Stored && compressed_size == Some(contents.compressed_size());
        let sound = at_most(unpacked.produced, missing);
        // The first failure in the order of the data is the error. So charge memory before checking later bytes.
        let is_kept = match &mut kept {
            Kept::Target(target) => {
                target.extend_from_slice(&scratch[..sound]);
                true
            }
            Kept::Copy => true,
            kept => self.keep(kept, &input[..unpacked.consumed], &member.entry.name)?,
        };
        match self.unpacked(member, contents, compressed_size, kept, unpacked, offered.is_empty()) {
            Ok((consumed, Event::Contents(_))) if is_kept => Ok((consumed, Event::Working)),
            // Give the contents before an error first, for any cut of the upload. Compressing them may exceed the CPU
            // budget, which is then the first error.
            Err(error) if sound > 0 && !is_kept => {
                self.state = State::Failed(self.blame_unconfirmed(error));
                Ok((unpacked.consumed, Event::Contents(sound)))
            }
            step => step,
        }
    }

    /// Checks the bytes just unpacked of a member of declared size.
    fn unpacked(
        &mut self,
        member: Member,
        contents: Contents,
        compressed_size: Option<u64>,
        kept: Kept,
        unpacked: Unpacked,
        nothing_offered: bool,
    ) -> ReadResult {
        let mismatch = |what, computed, declared| Format::SizeMismatch {
            entry: member.entry.name.clone(),
            what,
            computed,
            declared,
        };
        let exhausted = compressed_size == Some(contents.compressed_size());
        let ended = unpacked.ended;
        if contents.size() > member.entry.size || ended && contents.size() < member.entry.size {
            return Err(mismatch("size", contents.size(), member.entry.size).into());
        }
        if let Some(fault) = unpacked.fault {
            return Err(faulty(&member, fault));
        }
        match compressed_size {
            Some(declared) if ended && !exhausted => {
                return Err(mismatch("compressed size", contents.compressed_size(), declared).into());
            }
            _ => {}
        }
        if ended && compressed_size.is_none() {
            self.check_ratio(&member.entry, self.received + unpacked.consumed as u64)?;
        }
        let event = match unpacked.produced {
            0 if ended || unpacked.consumed > 0 && !exhausted => Event::Working,
            0 if exhausted || !nothing_offered => return Err(bad_data(&member, "does not end")),
            0 => Event::NeedsInput,
            produced => Event::Contents(produced),
        };
        if !ended {
            self.state = State::Contents { member, contents, compressed_size, kept };
        } else if let Some(declared) = member.declared_crc32 {
            let measured = contents.measured();
            if measured.crc32 != declared {
                let entry = member.entry.name;
                return Err(Format::CrcMismatch { entry, computed: measured.crc32, declared }.into());
            }
            self.end_member(member, measured, kept)?;
        } else {
            self.state = State::Descriptor { member, measured: contents.measured(), kept };
        }
        Ok((unpacked.consumed, event))
    }

    pub(super) fn hold(
        &mut self,
        member: Member,
        mut contents: Contents,
        mut spool: Spool,
        input: &[u8],
        scratch: &mut [u8],
    ) -> ReadResult {
        // As above: at most one byte beyond either limit.
        let may_take = (self.limits.held_bytes - contents.compressed_size()).saturating_add(1);
        let may_give = self.limits.unpacked_bytes - self.unpacked;
        let offered = &input[..at_most(input.len(), may_take)];
        let room = at_most(scratch.len(), (may_give - contents.size()).saturating_add(1));
        if !offered.is_empty() {
            let reserved = reserve_before(contents.method(), &mut spool, &mut self.meter);
            reserved.map_err(|error| self.blame_first(&member.entry.name, error))?;
        }
        let unpacked = contents.read(&mut self.decoder, &mut self.meter, offered, &mut scratch[..room])?;
        // As above: memory first.
        let held = at_most(unpacked.consumed, may_take - 1);
        let pushed = spool.push(&input[..held], &mut self.meter);
        pushed.map_err(|error| self.blame_first(&member.entry.name, error))?;
        self.may_hold(contents.compressed_size(), &member)?;
        if contents.size() > may_give {
            return Err(Limit::Output { entry: member.entry.name, limit: self.limits.unpacked_bytes }.into());
        }
        if let Some(fault) = unpacked.fault {
            return Err(faulty(&member, fault));
        }
        if unpacked.ended {
            let state = State::Descriptor { member, measured: contents.measured(), kept: Kept::Unsized(spool) };
            return self.go_to(state, unpacked.consumed);
        }
        let stuck = unpacked.consumed == 0 && unpacked.produced == 0;
        if stuck && !input.is_empty() {
            return Err(bad_data(&member, "does not end"));
        }
        let state = State::Hold { member, contents, spool };
        if stuck { self.wait_in(state, 0) } else { self.go_to(state, unpacked.consumed) }
    }

    pub(super) fn scan(
        &mut self,
        mut member: Member,
        mut scan: Scan,
        mut spool: Spool,
        input: &[u8],
        share: usize,
    ) -> ReadResult {
        // At most one byte beyond the limit, so no memory is charged that is not needed.
        let may_take =
            (self.limits.held_bytes.saturating_add(MAX_AFTER_CONTENTS + 1)).saturating_sub(spool.len() as u64);
        let offered = at_most(input.len().min(share), may_take);
        let read = scan.read(&input[..offered], &mut spool, &mut self.meter);
        let (taken, found) = read.map_err(|error| self.blame_first(&member.entry.name, error))?;
        let Some(measured) = found else {
            self.may_hold((spool.len() as u64).saturating_sub(MAX_AFTER_CONTENTS), &member)?;
            let state = State::Scan { member, scan, spool };
            return if taken == input.len() { self.wait_in(state, taken) } else { self.go_to(state, taken) };
        };
        self.may_hold(measured.size, &member)?;
        // The signature after the descriptor belongs to the next record.
        self.record.extend_from_slice(&scan.last_signature());
        // Held bytes are charged, so their number fits `usize`.
        spool.truncate(measured.size as usize, &mut self.meter);
        member.entry.size = measured.size;
        self.unconfirmed = Some(member.entry.name.clone());
        self.release_held(member, measured, spool, taken)
    }

    /// Begins a link: its target is read before it is announced.
    pub(super) fn begin_link(&mut self, entry: &Entry, end: Option<u64>) -> Result<(), Error> {
        if entry.size > MAX_TARGET {
            return Err(unsafe_link(&entry.name, "its target has more than 4,095 bytes"));
        }
        // At most 4 KiB: counted as one more name.
        self.charge_name(entry.size as usize)?;
        self.admit(entry, end)
    }

    fn links(&self) -> &Links {
        self.known.as_ref().expect("only the directory knows a link").links()
    }

    fn may_hold(&self, length: u64, member: &Member) -> Result<(), Error> {
        let limit = self.limits.held_bytes;
        if length <= limit {
            return Ok(());
        }
        Err(Limit::EntryTooLargeWithoutSize { entry: member.entry.name.clone(), limit }.into())
    }

    pub(super) fn descriptor(
        &mut self,
        mut member: Member,
        measured: Measured,
        kept: Kept,
        input: &[u8],
    ) -> ReadResult {
        let is_directory = member.entry.kind == EntryKind::Directory;
        let mut taken = 0;
        let length = loop {
            let wanted = match measured.descriptor(&self.record) {
                Match::Whole(length) => break length,
                // Go and Ant declare a descriptor for a directory and write none.
                _ if is_directory && self.record.len() < 4 => 4,
                _ if is_directory && matches!(record::signature(&self.record), Some(LOCAL_HEADER | CENTRAL_HEADER)) => {
                    break 0;
                }
                Match::Open { wanted } => wanted,
                Match::None => {
                    let Measured { crc32, compressed_size, size, .. } = measured;
                    let entry = member.entry.name;
                    return Err(Format::BadDescriptor { entry, crc32, compressed_size, size }.into());
                }
            };
            let gathered = self.gather(wanted, &input[taken..])?;
            // Check even a few bytes at once: an error must not depend on how many arrive together.
            if gathered == 0 {
                return self.wait_in(State::Descriptor { member, measured, kept }, taken);
            }
            taken += gathered;
        };
        self.record.drain(..length);
        match kept {
            Kept::Unsized(_) if is_directory && measured.size > 0 => {
                Err(Format::DirectoryWithData { entry: member.entry.name }.into())
            }
            Kept::Unsized(spool) => {
                member.entry.size = measured.size;
                self.release_held(member, measured, spool, taken)
            }
            kept => {
                self.end_member(member, measured, kept)?;
                Ok((taken, Event::Working))
            }
        }
    }

    /// Continues with a held member whose size is now known.
    fn release_held(&mut self, member: Member, measured: Measured, mut spool: Spool, taken: usize) -> ReadResult {
        let end = Some(self.record_start(taken));
        let Measured { compressed_size, size, .. } = measured;
        let data = Data { compressed_size, unpacked_before: size, end };
        let (event, kept) = self.begin_member(&member, data)?;
        match kept {
            Kept::Early(_) => {
                self.end_member(member, measured, Kept::Early(spool))?;
                return Ok((taken, event));
            }
            Kept::Copy => {
                spool.clear(&mut self.meter);
                self.end_member(member, measured, kept)?;
                return Ok((taken, event));
            }
            Kept::Nothing | Kept::Unsized(_) | Kept::Target(_) => {}
        }
        self.record_member(&member, measured)?;
        let Member { coding, warnings, .. } = member;
        self.state = self.replay_of(Verified { coding, measured, warnings }, spool);
        Ok((taken, event))
    }

    /// Announces a member that waited.
    pub(super) fn release_waiting(&mut self, waiting: HeldMember) -> ReadResult {
        let HeldMember { entry, coding, measured, warnings, spool } = waiting;
        let Measured { compressed_size, size, digest, .. } = measured;
        let data = Data { compressed_size, unpacked_before: size, end: Some(self.record_start(0)) };
        let begin = self.beginning(&entry, coding.method, digest.is_some(), data);
        self.order.announce(&entry.name);
        let event = Event::Begin(begin);
        self.state = self.replay_of(Verified { coding, measured, warnings }, spool);
        Ok((0, event))
    }

    /// The state that gives held contents.
    fn replay_of(&mut self, verified: Verified, mut spool: Spool) -> State {
        if verified.measured.size == 0 {
            spool.clear(&mut self.meter);
            return self.verified_state(verified);
        }
        let size = Some(verified.measured.size);
        let contents = Contents::new(verified.coding, size, &mut self.decoder, &mut self.meter);
        State::Replay { contents, verified, spool }
    }

    pub(super) fn replay(
        &mut self,
        verified: Verified,
        mut contents: Contents,
        mut spool: Spool,
        scratch: &mut [u8],
    ) -> ReadResult {
        let size = verified.measured.size;
        let unpacked = contents.read(&mut self.decoder, &mut self.meter, spool.front(), scratch)?;
        assert!(
            unpacked.fault.is_none() && unpacked.consumed + unpacked.produced > 0,
            "the same bytes gave {size} before"
        );
        spool.consume(unpacked.consumed, &mut self.meter);
        self.state = if contents.size() == size {
            spool.clear(&mut self.meter);
            self.verified_state(verified)
        } else {
            State::Replay { verified, contents, spool }
        };
        let event = if unpacked.produced == 0 { Event::Working } else { Event::Contents(unpacked.produced) };
        Ok((0, event))
    }

    /// Continues after a member that was read whole.
    fn end_member(&mut self, member: Member, measured: Measured, kept: Kept) -> Result<(), Error> {
        self.record_member(&member, measured)?;
        let Member { mut entry, coding, warnings, .. } = member;
        self.state = match kept {
            Kept::Target(target) => {
                let target = self.links().check_target(&entry.name, &target)?;
                (entry.kind, entry.size) = (EntryKind::Link { target }, 0);
                // The target is given: no contents follow the header of a link.
                let measured = Measured { size: 0, ..measured };
                let link = HeldMember { entry, coding, measured, warnings, spool: Spool::default() };
                if self.waits(&link.entry.name) {
                    self.wait(link)?;
                    State::Signature { zeros: 0 }
                } else {
                    State::Release(link)
                }
            }
            Kept::Early(spool) | Kept::Unsized(spool) => {
                self.wait(HeldMember { entry, coding, measured, warnings, spool })?;
                State::Signature { zeros: 0 }
            }
            Kept::Nothing => self.verified_state(Verified { coding, measured, warnings }),
            Kept::Copy => State::Signature { zeros: 0 },
        };
        Ok(())
    }

    /// The state that reports a verified member, followed by any waiting member whose turn has come.
    fn verified_state(&mut self, verified: Verified) -> State {
        let then = match self.order.next(&mut self.meter) {
            Some(waiting) => State::Release(waiting),
            None => State::Signature { zeros: 0 },
        };
        State::Verified { verified, then: Box::new(then) }
    }

    /// Records a member in the ledger.
    fn record_member(&mut self, member: &Member, measured: Measured) -> Result<(), Error> {
        if let Some(CopyOf(first)) = member.copy_of {
            let first = self.ledger.row(first as usize).expect("it was found there");
            if first.digest.is_none() || measured.digest.is_none() {
                let problem = format!("it does not list {:?} twice", member.entry.name);
                return Err(Format::DirectoryMismatch { problem }.into());
            }
            if first.digest != measured.digest {
                let problem = "their contents differ";
                return Err(Format::DuplicateName { name: member.entry.name.clone(), problem }.into());
            }
        }
        let row = LedgerRow {
            offset: member.offset,
            compressed_size: measured.compressed_size,
            size: measured.size,
            crc32: measured.crc32,
            method: member.coding.method.number(),
            // Nine bits.
            mode: member.entry.mode as u16 | if matches!(member.entry.kind, EntryKind::Link { .. }) { LINK } else { 0 },
            name: member.name,
            digest: measured.digest,
            copy_of: member.copy_of,
            listed: Listed::default(),
        };
        self.ledger.record(row, &mut self.meter)
    }
}

/// Charges the block for held data before a decoder charges its window, so that the first error is the same for any cut.
/// Stored and deflated data charges nothing else.
fn reserve_before(method: Method, spool: &mut Spool, meter: &mut Meter) -> Result<(), Error> {
    if matches!(method, Method::Stored | Method::Deflate) { Ok(()) } else { spool.reserve(meter) }
}

/// The smaller of `length` and `limit`.
fn at_most(length: usize, limit: u64) -> usize {
    usize::try_from(limit).map_or(length, |limit| limit.min(length))
}

/// The problem of data that is not what `method` writes.
fn invalid(method: Method) -> &'static str {
    match method {
        Method::Stored => "is invalid",
        Method::Deflate => "is not a valid deflate stream",
        Method::Deflate64 => "is not a valid deflate64 stream",
        Method::Bzip2 => "is not a valid bzip2 stream",
        Method::Lzma => "is not a valid lzma stream",
        Method::Zstd => "is not a valid zstd frame",
        Method::Xz => "is not a valid xz stream",
    }
}

fn faulty(member: &Member, fault: Fault) -> Error {
    match fault {
        Fault::Invalid => bad_data(member, invalid(member.coding.method)),
        Fault::Unsupported(what) => Unsupported::Stream { entry: member.entry.name.clone(), what }.into(),
    }
}

fn bad_data(member: &Member, problem: &'static str) -> Error {
    Format::BadData { entry: member.entry.name.clone(), problem }.into()
}

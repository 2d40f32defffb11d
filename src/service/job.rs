//! Jobs: the work that a request asks for, before it starts and while it runs.

use std::sync::Arc;

use recompress::{
    CompressedJson, Contents, Directory, Error, Format, Inspection, Limits, Listing, Names, Parameters, Progress,
    SaveJson, Selection, Status, Step, StoredMember, StoredSave, Summary, Transcoder, When,
    save::{Game, Options, Words},
    seekable::Index,
};

use crate::memory::{Share, TooMuchMemory};

/// The work that a request asks for. A new kind is a variant of this and of `Job`.
#[derive(Debug, Clone)]
pub enum Order {
    /// A tarball.
    Convert {
        /// Quality, window and mode.
        parameters: Parameters,
        /// The members to write.
        selection: Selection,
        /// The decoding of their names.
        names: Names,
        /// Whether the archive's directory is read first.
        directory: When,
        /// Whether a report follows the tarball.
        report: bool,
        /// Present if the answer is to have a [`Summary`]: the game that the file name shows, and the words of binary saves.
        summary: Option<(Option<Game>, Words)>,
    },
    /// A listing.
    Inspect {
        /// Its format.
        listing: Listing,
        /// The decoding of the members' names.
        names: Names,
        /// The game that the file name shows and the words of binary saves, if the metadata of a save is asked for.
        metadata: Option<(Option<Game>, Words)>,
    },
    /// The JSON of a save.
    Json {
        /// Its form.
        options: Box<Options>,
        /// The member that is the save.
        member: Option<String>,
        /// The words of binary saves.
        words: Words,
        /// The game that the file name shows.
        game: Option<Game>,
        /// Present if it is to be compressed.
        parameters: Option<Parameters>,
    },
    /// The contents of a stored member. The upload is the range of the blob with its segments.
    Member(Stored),
    /// The JSON of a stored member that is a save.
    MemberJson {
        /// The member.
        stored: Stored,
        /// As in [`Order::Json`].
        options: Box<Options>,
        /// As there.
        words: Words,
        /// As there.
        game: Option<Game>,
        /// As there.
        parameters: Option<Parameters>,
    },
}

/// A member of a stored archive.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The part of the index with this member alone ([`Index::only`]).
    pub index: Arc<Index>,
    /// Base-2 logarithm of the file's window.
    pub lgwin: u8,
}

impl Stored {
    /// The range of the blob to bring.
    pub fn range(&self) -> std::ops::Range<u64> {
        let member = &self.index.members[0];
        match self.index.segments_of(&(member.header.start..member.contents().end)) {
            [] => 0..0,
            segments => segments[0].file.start..segments[segments.len() - 1].file.end,
        }
    }

    fn read(&self, limits: Limits) -> StoredMember {
        StoredMember::new(&self.index, self.lgwin, 0, limits)
    }

    fn peak_bytes(&self) -> u64 {
        StoredMember::peak_bytes(&self.index, self.lgwin, 0)
    }
}

/// The facts about an archive that its reservation depends on.
#[derive(Debug, Default, Clone, Copy)]
pub struct Known {
    /// Its length in bytes, or an upper bound.
    pub upload_bytes: Option<u64>,
    /// Its contents, once it is there.
    pub contents: Option<Contents>,
}

impl Order {
    /// The limits and the memory of the job within a pool of `budget` bytes.
    ///
    /// # Errors
    ///
    /// `too_much_memory` if the pool cannot lend it.
    pub fn share(&self, limits: Limits, budget: u64, known: Known) -> Result<Share, TooMuchMemory> {
        match self {
            Self::Convert { parameters, summary, .. } => {
                let more = if summary.is_some() { Transcoder::SUMMARY_BYTES } else { 0 };
                let share = Share::of(*parameters, limits, budget.saturating_sub(more), known)?;
                Ok(share.with(more))
            }
            Self::Inspect { .. } => Ok(Share::of_inspection(limits, budget, known)),
            Self::Json { options, parameters, .. } => Share::of_json(options, *parameters, limits, budget, known),
            Self::Member(stored) => Share::of_stored(stored.peak_bytes(), limits, budget),
            Self::MemberJson { stored, options, parameters, .. } => {
                let more = stored.peak_bytes();
                let known = Known { upload_bytes: Some(stored.index.members[0].entry.size), contents: None };
                let share = Share::of_json(options, *parameters, limits, budget.saturating_sub(more), known)?;
                Ok(share.with(more))
            }
        }
    }

    /// Looks at the first bytes, so that other data than a zip is refused before the rest of it has come.
    ///
    /// # Errors
    ///
    /// `not_zip`. Other errors are for the job to find.
    pub(crate) fn check(&self, start: &[u8], limits: Limits) -> Result<(), Error> {
        if matches!(self, Self::Json { .. } | Self::Member(_) | Self::MemberJson { .. }) {
            // A save need not be in a zip, and what is stored is no zip.
            return Ok(());
        }
        let mut inspection = Inspection::new(Listing::Lines, limits);
        let mut output = [0; 1 << 10];
        let mut left = start;
        // Ends: each step takes bytes, writes some, or asks for more.
        loop {
            match inspection.step(left, &mut output) {
                Err(error @ Error::Format(Format::NotZip { .. })) => return Err(error),
                Err(_) => return Ok(()),
                Ok(progress) => {
                    left = &left[progress.consumed..];
                    if left.is_empty() && progress.status != Status::NeedsOutput {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// How to decode the names of the directory, if it is read before the members. `is_small` says whether the archive is here as
    /// a whole; nothing else decides.
    ///
    /// # Errors
    ///
    /// `directory_not_at_hand`
    pub(crate) fn reads_directory(&self, is_small: bool) -> Result<Option<Names>, Error> {
        match self {
            Self::Convert { names, directory, .. } => Ok(directory.reads_first(is_small)?.then_some(*names)),
            // A listing and a save's JSON are the same at any length. A stored member is no zip.
            Self::Inspect { .. } | Self::Json { .. } | Self::Member(_) | Self::MemberJson { .. } => Ok(None),
        }
    }

    /// Starts the job, with the directory if it was read first.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is no memory for the encoder.
    pub(crate) fn start(
        self,
        limits: Limits,
        contents: Option<&Contents>,
        directory: Option<Directory>,
    ) -> Result<Job, Error> {
        Ok(match self {
            Self::Convert { parameters, selection, names, report, summary, .. } => {
                let mut transcoder = Transcoder::new(parameters, limits)?.selecting(selection).naming(names);
                if let Some(contents) = contents {
                    transcoder = transcoder.containing(contents);
                }
                if let Some(directory) = directory {
                    transcoder = transcoder.knowing(directory)?;
                }
                Job::Convert(Box::new(match summary {
                    Some((game, words)) => transcoder.summarizing(game, words),
                    None if report => transcoder.reporting(),
                    None => transcoder,
                }))
            }
            Self::Inspect { listing, names, metadata } => {
                let inspection = Inspection::new(listing, limits).naming(names);
                Job::Inspect(Box::new(match metadata {
                    Some((game, words)) => inspection.with_metadata(game, words),
                    None => inspection,
                }))
            }
            Self::Json { options, member, words, game, parameters } => {
                let json = SaveJson::new(*options, limits).with_member(member).with_words(words).with_game(game);
                match parameters {
                    Some(parameters) => Job::CompressedJson(Box::new(CompressedJson::new(json, parameters, limits)?)),
                    None => Job::Json(Box::new(json)),
                }
            }
            Self::Member(stored) => Job::Member(Box::new(stored.read(limits))),
            Self::MemberJson { stored, options, words, game, parameters } => {
                let json = SaveJson::new(*options, limits).with_words(words).with_game(game);
                let member = stored.read(limits);
                Job::MemberJson(Box::new(match parameters {
                    Some(parameters) => StoredSave::compressed(member, CompressedJson::new(json, parameters, limits)?),
                    None => StoredSave::new(member, json),
                }))
            }
        })
    }
}

/// The work on an archive.
pub(crate) enum Job {
    /// To a tarball.
    Convert(Box<Transcoder>),
    /// To a listing.
    Inspect(Box<Inspection>),
    /// To the JSON of a save.
    Json(Box<SaveJson>),
    /// To the JSON of a save, compressed.
    CompressedJson(Box<CompressedJson>),
    /// To the contents of a stored member.
    Member(Box<StoredMember>),
    /// To the JSON of a stored save.
    MemberJson(Box<StoredSave>),
}

impl Job {
    /// Members of the archive so far, and their unpacked bytes.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        match self {
            Self::Convert(transcoder) => transcoder.so_far(),
            Self::Inspect(inspection) => inspection.so_far(),
            Self::Json(json) => json.so_far(),
            Self::CompressedJson(json) => json.so_far(),
            Self::Member(_) | Self::MemberJson(_) => (0, 0),
        }
    }

    /// Brotli quality and lgwin of the begin of the result, final once there is a piece of it.
    pub(crate) fn begun_with(&self) -> Option<(u8, u8)> {
        match self {
            Self::Convert(transcoder) => Some(transcoder.in_use()),
            Self::CompressedJson(json) => Some(json.in_use()),
            Self::MemberJson(json) => json.in_use(),
            Self::Inspect(_) | Self::Json(_) | Self::Member(_) => None,
        }
    }

    /// Brotli quality of the result now.
    pub(crate) fn quality(&self) -> Option<u8> {
        match self {
            Self::Convert(transcoder) => Some(transcoder.present_quality()),
            Self::CompressedJson(json) => Some(json.in_use().0),
            Self::MemberJson(json) => json.in_use().map(|(quality, _)| quality),
            Self::Inspect(_) | Self::Json(_) | Self::Member(_) => None,
        }
    }

    /// The summary of a conversion that has ended, if one was ordered.
    pub(crate) fn summary(&self) -> Option<Box<Summary>> {
        match self {
            Self::Convert(transcoder) => transcoder.summary().map(Box::new),
            _ => None,
        }
    }
}

impl Step for Job {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        match self {
            Self::Convert(transcoder) => transcoder.step(input, output),
            Self::Inspect(inspection) => inspection.step(input, output),
            Self::Json(json) => json.step(input, output),
            Self::CompressedJson(json) => json.step(input, output),
            Self::Member(member) => member.step(input, output),
            Self::MemberJson(json) => json.step(input, output),
        }
    }

    fn work_ns(&self) -> u64 {
        match self {
            Self::Convert(transcoder) => transcoder.work_ns(),
            Self::Inspect(inspection) => inspection.work_ns(),
            Self::Json(json) => json.work_ns(),
            Self::CompressedJson(json) => json.work_ns(),
            Self::Member(member) => member.work_ns(),
            Self::MemberJson(json) => json.work_ns(),
        }
    }
}

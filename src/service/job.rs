//! Jobs: the work that a request asks for, before it starts and while it runs.

use recompress::{
    Contents, Error, Inspection, Limits, Listing, Names, Parameters, Progress, Selection, Status, Step, Transcoder,
};

use crate::{
    failure::Failure,
    memory::{Share, TooMuchMemory},
};

/// The work that a request asks for. A new kind is a variant of this and of [`Job`].
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
        /// Whether a report follows the tarball.
        report: bool,
    },
    /// A listing.
    Inspect {
        /// Its format.
        listing: Listing,
        /// The decoding of the members' names.
        names: Names,
    },
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
            Self::Convert { parameters, .. } => Share::of(*parameters, limits, budget, known),
            Self::Inspect { .. } => Ok(Share::of_inspection(limits, budget, known)),
        }
    }

    /// Looks at the first bytes, so that a refusal need not wait for the rest of an upload.
    ///
    /// # Errors
    ///
    /// The reason why no archive starts so.
    pub(crate) fn check(&self, start: &[u8], limits: Limits) -> Result<(), Failure> {
        let mut inspection = Inspection::new(Listing::Lines, limits);
        let mut output = [0; 1 << 10];
        let mut left = start;
        // Ends: each step takes bytes, writes some, or asks for more.
        loop {
            let progress = inspection.step(left, &mut output)?;
            left = &left[progress.consumed..];
            if progress.status == Status::NeedsInput || progress.status == Status::Done {
                return Ok(());
            }
        }
    }

    /// Notes the length of an archive that is received whole.
    pub(crate) fn expecting(&mut self, length: u64) {
        if let Self::Convert { parameters, .. } = self {
            *parameters = parameters.expecting(Some(length));
        }
    }

    /// Starts the job.
    ///
    /// # Errors
    ///
    /// `memory_limit` if there is no memory for the encoder.
    pub(crate) fn start(self, limits: Limits, contents: Option<&Contents>) -> Result<Job, Error> {
        match self {
            Self::Convert { parameters, selection, names, report } => {
                let mut transcoder = Transcoder::new(parameters, limits)?.selecting(selection).naming(names);
                if let Some(contents) = contents {
                    transcoder = transcoder.containing(contents);
                }
                Ok(Job::Convert(Box::new(if report { transcoder.reporting() } else { transcoder })))
            }
            Self::Inspect { listing, names } => {
                Ok(Job::Inspect(Box::new(Inspection::new(listing, limits).naming(names))))
            }
        }
    }
}

/// The work on an archive.
#[derive(Debug)]
pub(crate) enum Job {
    /// To a tarball.
    Convert(Box<Transcoder>),
    /// To a listing.
    Inspect(Box<Inspection>),
}

impl Job {
    /// Members of the archive so far, and their unpacked bytes.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        match self {
            Self::Convert(transcoder) => transcoder.so_far(),
            Self::Inspect(inspection) => inspection.so_far(),
        }
    }

    /// Brotli quality and lgwin of the tarball, final once there is a piece of it.
    pub(crate) fn in_use(&self) -> Option<(u8, u8)> {
        match self {
            Self::Convert(transcoder) => Some(transcoder.in_use()),
            Self::Inspect(_) => None,
        }
    }
}

impl Step for Job {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        match self {
            Self::Convert(transcoder) => transcoder.step(input, output),
            Self::Inspect(inspection) => inspection.step(input, output),
        }
    }

    fn work_ns(&self) -> u64 {
        match self {
            Self::Convert(transcoder) => transcoder.work_ns(),
            Self::Inspect(inspection) => inspection.work_ns(),
        }
    }
}

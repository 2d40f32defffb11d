//! Reads a seekable `.tar.br` by its index.

use std::ops::Range;

use recompress::{
    EntryKind, Limits, StoredError,
    seekable::{Index, IndexReader, MemberEvent, MemberReader},
};

use crate::tarball::{Kind, TarMember};

/// A file with its index.
pub struct File<'a> {
    pub bytes: &'a [u8],
    pub index: Index,
    pub lgwin: u8,
}

/// Opens `bytes`.
pub fn open(bytes: &[u8]) -> Result<File<'_>, StoredError> {
    open_within(bytes, Limits::NATIVE)
}

/// Opens `bytes` within some limits.
pub fn open_within(bytes: &[u8], limits: Limits) -> Result<File<'_>, StoredError> {
    let mut reader = IndexReader::new(bytes.len() as u64, limits);
    while let Some(range) = reader.wants() {
        reader.take(&bytes[range.start as usize..range.end as usize])?;
    }
    let (index, lgwin) = reader.finish()?;
    Ok(File { bytes, index, lgwin })
}

impl File<'_> {
    /// Reads members that follow each other, in pieces of up to `share` bytes.
    pub fn read(&self, members: Range<usize>, share: usize) -> Result<Vec<TarMember>, StoredError> {
        self.read_by(&mut MemberReader::new(&self.index, self.lgwin, members), share)
    }

    /// SHA-256 of the whole tarball.
    pub fn sha256(&self) -> Result<Option<[u8; 32]>, StoredError> {
        let mut reader = MemberReader::new(&self.index, self.lgwin, 0..self.index.members.len()).digesting();
        self.read_by(&mut reader, 1 << 16)?;
        Ok(reader.sha256())
    }

    fn read_by(&self, reader: &mut MemberReader<&Index>, share: usize) -> Result<Vec<TarMember>, StoredError> {
        let wanted = reader.wants();
        let mut rest = &self.bytes[wanted.start as usize..wanted.end as usize];
        let mut room = vec![0; share];
        let mut read = Vec::new();
        loop {
            let (taken, event) = reader.read(&rest[..rest.len().min(share)], &mut room)?;
            rest = &rest[taken..];
            match event {
                MemberEvent::NeedsInput => assert!(!rest.is_empty(), "it wants more than it said"),
                MemberEvent::Working | MemberEvent::End => {}
                MemberEvent::Begin(number) => {
                    let entry = &self.index.members[number].entry;
                    let (kind, target) = match &entry.kind {
                        EntryKind::File => (Kind::File, ""),
                        EntryKind::Directory => (Kind::Directory, ""),
                        EntryKind::Link { target } => (Kind::Link, target.as_str()),
                        kind => panic!("a new kind: {kind:?}"),
                    };
                    let (name, contents) = (entry.name.clone(), target.as_bytes().to_vec());
                    read.push(TarMember { name, kind, mode: entry.mode, mtime: entry.mtime, contents });
                }
                MemberEvent::Contents(count) => {
                    read.last_mut().expect("it began").contents.extend_from_slice(&room[..count]);
                }
                MemberEvent::Done => return Ok(read),
            }
        }
    }

    /// Reads every member for itself.
    pub fn one_by_one(&self) -> Result<Vec<TarMember>, StoredError> {
        let each = (0..self.index.members.len()).map(|number| self.read(number..number + 1, 1 << 16));
        Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// The members of `file`, read at once and one by one, which must agree.
pub fn members(file: &[u8]) -> Result<Vec<TarMember>, StoredError> {
    let file = open(file)?;
    let all = file.read(0..file.index.members.len(), 1 << 16)?;
    assert_eq!(file.one_by_one()?, all);
    Ok(all)
}

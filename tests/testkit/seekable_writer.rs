//! Writes seekable files from docs/format.md, and such as break its rules.

use std::io::Write;

use crate::tarball::MTIME;

/// A line of the index about a member.
#[derive(Clone)]
pub struct Line {
    pub name: String,
    /// Permission bits times four, plus 0 for a file, 1 for a folder, 2 for a link.
    pub kind: u64,
    pub size: u64,
    pub mtime: i64,
    pub crc32: u32,
    /// Of a link.
    pub target: String,
}

impl Line {
    /// A file.
    pub fn file(name: &str, contents: &[u8]) -> Self {
        let (size, crc32) = (contents.len() as u64, crc32fast::hash(contents));
        Self { name: name.to_owned(), kind: 0o644 << 2, size, mtime: MTIME, crc32, target: String::new() }
    }

    /// The header of the specification, if one block is enough.
    fn header(&self) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..self.name.len()].copy_from_slice(self.name.as_bytes());
        header.as_old_mut().linkname[..self.target.len()].copy_from_slice(self.target.as_bytes());
        header.set_entry_type(
            [tar::EntryType::Regular, tar::EntryType::Directory, tar::EntryType::Symlink][self.kind as usize & 3],
        );
        header.set_mode((self.kind >> 2) as u32);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.mtime as u64);
        header.set_size(self.size);
        header.set_device_major(0).and_then(|()| header.set_device_minor(0)).expect("ustar has them");
        header.set_cksum();
        header.as_bytes().to_vec()
    }
}

/// A tarball of one-block headers and contents, as the converter writes it.
pub fn tarball_of<'a>(members: impl IntoIterator<Item = (&'a Line, &'a [u8])>) -> Vec<u8> {
    let mut tar = Vec::new();
    for (line, contents) in members {
        tar.extend_from_slice(&line.header());
        tar.extend_from_slice(contents);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// A file: its segments with the bytes of the tarball that each gives, and its members, whose headers are one block.
#[derive(Clone)]
pub struct Seekable {
    pub segments: Vec<(Vec<u8>, u64)>,
    pub members: Vec<Line>,
}

/// Of the other encoder. Higher ones clear tables of 32 MB, which is slow for a fuzzer.
const QUALITY: i32 = 5;

fn number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn block(contents: &[u8], file: &mut Vec<u8>) {
    let length = contents.len() as u32 - 1;
    if length < 256 {
        file.extend_from_slice(&(0b01_0110 | length << 6).to_le_bytes()[..2]);
    } else {
        file.extend_from_slice(&(0b10_0110 | length << 6).to_le_bytes()[..3]);
    }
    file.extend_from_slice(contents);
}

/// One brotli stream by another encoder, with a window of 18 bits.
pub fn brotli(bytes: &[u8], use_dictionary: bool) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams { quality: QUALITY, lgwin: 18, use_dictionary, ..Default::default() };
    let mut writer = brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    writer.write_all(bytes).expect("memory");
    writer.into_inner()
}

/// A part of a stream that starts and ends at whole bytes, by the same encoder: what it flushes behind the stream's header. Its
/// copies may reach the `before` bytes, or the dictionary.
pub fn part(before: &[u8], bytes: &[u8], use_dictionary: bool) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams { quality: QUALITY, lgwin: 18, use_dictionary, ..Default::default() };
    let mut writer = brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    writer.write_all(before).expect("memory");
    writer.flush().expect("memory");
    let start = writer.get_ref().len();
    writer.write_all(bytes).expect("memory");
    writer.flush().expect("memory");
    writer.get_ref()[start..].to_vec()
}

/// A segment of a stored meta-block.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    for piece in bytes.chunks(1 << 16) {
        // Not the last, four nibbles of a length, and the bit that says stored.
        segment.extend_from_slice(&((piece.len() as u32 - 1) << 3 | 1 << 19).to_le_bytes()[..3]);
        segment.extend_from_slice(piece);
    }
    segment
}

impl Seekable {
    /// The file, with a window of 18 bits.
    pub fn write(&self) -> Vec<u8> {
        let mut file = b"\x63\x2d\0recompress/1".to_vec();
        self.segments.iter().for_each(|(bytes, _)| file.extend_from_slice(bytes));
        let index = self.index();
        let before = file.len();
        // A reader skips a block of a type that it does not know.
        block(b"?later", &mut file);
        for piece in brotli(&index, false).chunks(200) {
            block(&[b"i", piece].concat(), &mut file);
        }
        let numbers = [index.len() as u32, (file.len() - before) as u32, crc32fast::hash(&index)];
        block(&[b"e", numbers.map(u32::to_le_bytes).as_flattened(), b"tar.br/1"].concat(), &mut file);
        file.push(3);
        file
    }

    fn index(&self) -> Vec<u8> {
        let mut index = vec![0];
        number(self.segments.iter().map(|(_, tar)| tar).sum(), &mut index);
        number(self.segments.len() as u64, &mut index);
        number(self.members.len() as u64, &mut index);
        self.segments.iter().for_each(|(bytes, _)| number(bytes.len() as u64, &mut index));
        self.segments.iter().for_each(|(_, tar)| number(tar << 1, &mut index));
        self.members.iter().for_each(|member| number(member.kind, &mut index));
        self.members.iter().for_each(|_| number(1, &mut index));
        self.members.iter().for_each(|member| number(member.size, &mut index));
        let mut before = 0;
        for member in &self.members {
            let difference = member.mtime - before;
            number(if difference < 0 { -2 * difference - 1 } else { 2 * difference } as u64, &mut index);
            before = member.mtime;
        }
        self.members.iter().for_each(|member| index.extend_from_slice(&member.crc32.to_le_bytes()));
        self.members.iter().for_each(|_| number(0, &mut index));
        self.members.iter().for_each(|member| number(member.name.len() as u64, &mut index));
        self.members.iter().for_each(|member| index.extend_from_slice(member.name.as_bytes()));
        for member in self.members.iter().filter(|member| member.kind & 3 == 2) {
            number(member.target.len() as u64, &mut index);
            index.extend_from_slice(member.target.as_bytes());
        }
        index
    }
}

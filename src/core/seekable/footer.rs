//! The footer: the last block of the index, found from the end of the file.

use super::block::{self, FOOTER, LAST};

/// Its last bytes.
const MAGIC: [u8; 8] = *b"tar.br/1";

/// Bytes of the block with its header, and of the file's last byte behind it.
const BLOCK: usize = 2 + CONTENTS;
const CONTENTS: usize = 1 + 3 * 4 + MAGIC.len();

/// The text of a report begins like this, and its block has these many bytes with its header.
const REPORT: u8 = b'{';
const REPORT_BLOCK: usize = 3 + crate::report::RECORD;

/// Where the index is, and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Bytes of the index as it is.
    pub(crate) index_bytes: u32,
    /// Bytes of its blocks in the file, right before the footer.
    pub(crate) block_bytes: u32,
    /// CRC-32 of the index as it is.
    pub(crate) crc32: u32,
}

impl Footer {
    pub(crate) fn write(self, bytes: &mut Vec<u8>) {
        let Self { index_bytes, block_bytes, crc32 } = self;
        let numbers = [index_bytes, block_bytes, crc32].map(u32::to_le_bytes);
        block::write(&[&[FOOTER], numbers.as_flattened(), &MAGIC], bytes);
    }

    /// Finds the footer in the last bytes of a file: the footer, and how many bytes before the end of the file it starts.
    ///
    /// It is the last block, or the one before the report.
    pub(crate) fn find(tail: &[u8]) -> Option<(Self, usize)> {
        let (&LAST, tail) = tail.split_last()? else { return None };
        let without_report = || {
            let before = tail.len().checked_sub(REPORT_BLOCK)?;
            let contents = block::read(&mut &tail[before..])?;
            (contents.len() == crate::report::RECORD && contents[0] == REPORT).then_some(&tail[..before])
        };
        let (footer, end) = match Self::at_end(tail) {
            Some(footer) => (footer, tail.len()),
            None => without_report().and_then(|tail| Some((Self::at_end(tail)?, tail.len())))?,
        };
        Some((footer, tail.len() + 1 - (end - BLOCK)))
    }

    fn at_end(bytes: &[u8]) -> Option<Self> {
        let mut block = bytes.get(bytes.len().checked_sub(BLOCK)?..)?;
        let contents = block::read(&mut block).filter(|contents| block.is_empty() && contents.len() == CONTENTS)?;
        let numbers = contents.strip_prefix(&[FOOTER])?.strip_suffix(&MAGIC)?;
        let [index_bytes, block_bytes, crc32] =
            [0, 4, 8].map(|at| u32::from_le_bytes(*numbers[at..].first_chunk().expect("there are twelve bytes")));
        Some(Self { index_bytes, block_bytes, crc32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_footer_is_found_at_the_end_and_before_a_report() {
        let footer = Footer { index_bytes: 1_000_000, block_bytes: 70_000, crc32: 0x8123_4567 };
        let mut file = vec![0x5a; 100];
        footer.write(&mut file);
        assert_eq!(file.len(), 100 + BLOCK);
        let with_report = [&file[..], &block::ending("{\"members\":1}", crate::report::RECORD)].concat();
        file.push(LAST);
        assert_eq!(Footer::find(&file), Some((footer, BLOCK + 1)));
        assert_eq!(Footer::find(&with_report), Some((footer, BLOCK + REPORT_BLOCK + 1)));
        for cut in 1..=BLOCK {
            assert_eq!(Footer::find(&file[..file.len() - cut]), None, "{cut} bytes fewer");
        }
        assert_eq!(Footer::find(&file[file.len() - BLOCK..]), None);
        assert_eq!(Footer::find(&[]), None);
    }
}

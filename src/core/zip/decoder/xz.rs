//! Xz: one stream. Its first block header is read here, before the decoder's memory is charged.

use xz4rust::{XzDecoder, XzError};

use super::buffered::{DecodeFailure, Decoded};
use crate::error::{Error, Limit};

const MAGIC: &[u8] = b"\xfd7zXZ\0";

/// Bytes of the header of a stream (xz file format 1.2.1, §2.1.1).
const STREAM_HEADER: usize = 12;

/// Flags of a block header (§3.1.2): its sizes are there.
const HAS_COMPRESSED_SIZE: u8 = 0x40;
const HAS_SIZE: u8 = 0x80;

/// The filter that compresses (§5.3.1).
const LZMA2: u8 = 0x21;

/// The largest dictionary of the format.
const LARGEST: u8 = 40;

/// Memory beside the window, in bytes.
const FIXED: u64 = 128 << 10;

/// Memory of a decoder with this window, in bytes.
pub(super) fn charge(window: u64) -> u64 {
    window.saturating_add(FIXED)
}

/// A stream's decoder, fed byte by byte.
pub(super) enum Xz {
    /// The headers of the stream and of its first block are gathered.
    Headers {
        gathered: Vec<u8>,
        window_limit: u64,
    },
    Stream(Box<XzDecoder<'static>>),
}

impl Xz {
    pub(super) fn new(window_limit: u64) -> Self {
        Self::Headers { gathered: Vec::new(), window_limit }
    }

    /// Takes at most one byte, or gives contents.
    pub(super) fn step(
        &mut self,
        byte: &[u8],
        output: &mut [u8],
        charge: &mut dyn FnMut(u64) -> Result<(), Error>,
    ) -> Result<Decoded, DecodeFailure> {
        let (gathered, window_limit) = match self {
            Self::Headers { gathered, window_limit } => (gathered, *window_limit),
            Self::Stream(decoder) => return step(decoder, byte, output),
        };
        gathered.extend_from_slice(byte);
        let gone_on = Decoded { consumed: byte.len(), produced: 0, ended: false };
        let Some(&length) = gathered.get(STREAM_HEADER) else { return Ok(gone_on) };
        if !gathered.starts_with(MAGIC) {
            return Err(DecodeFailure::Broken);
        }
        // A zero is the index of a stream without blocks.
        let block = &gathered[STREAM_HEADER..];
        let window = match length {
            0 => 0,
            _ if block.len() < 4 * (usize::from(length) + 1) => return Ok(gone_on),
            _ => window(block)?,
        };
        if window > window_limit {
            return Err(Error::from(Limit::Window { wanted: window, limit: window_limit }).into());
        }
        charge(self::charge(window))?;
        // A later block with a larger window is refused: no known encoder writes one.
        let mut decoder = Box::new(XzDecoder::with_alloc_dict_size(0, window as usize));
        for byte in gathered.iter() {
            // Headers give nothing.
            step(&mut decoder, std::slice::from_ref(byte), output)?;
        }
        *self = Self::Stream(decoder);
        Ok(gone_on)
    }
}

fn step(decoder: &mut XzDecoder<'static>, byte: &[u8], output: &mut [u8]) -> Result<Decoded, DecodeFailure> {
    match decoder.decode(byte, output) {
        Ok(result) => Ok(Decoded {
            consumed: result.input_consumed(),
            produced: result.output_produced(),
            ended: result.is_end_of_stream(),
        }),
        // Without input there is nothing more to give.
        Err(XzError::NeedsLargerInputBuffer) if byte.is_empty() => {
            Ok(Decoded { consumed: 0, produced: 0, ended: false })
        }
        Err(XzError::Sha256NotSupported | XzError::UnsupportedCheckType(_)) => Err(DecodeFailure::Unsupported(
            "its xz stream checks itself by neither CRC-32 nor CRC-64; use xz --check=crc64",
        )),
        Err(_) => Err(DecodeFailure::Broken),
    }
}

/// The window of a block, by its header (§3.1).
fn window(header: &[u8]) -> Result<u64, DecodeFailure> {
    let &[_, flags, ref fields @ ..] = header else { return Err(DecodeFailure::Broken) };
    let mut fields = fields.iter().copied();
    for flag in [HAS_COMPRESSED_SIZE, HAS_SIZE] {
        if flags & flag != 0 {
            // The last byte of a number has no highest bit.
            fields.by_ref().find(|byte| byte & 0x80 == 0).ok_or(DecodeFailure::Broken)?;
        }
    }
    let mut next = || fields.next().ok_or(DecodeFailure::Broken);
    let (id, length) = (next()?, next()?);
    if let Some(filter) = filter(id) {
        return Err(DecodeFailure::Unsupported(filter));
    }
    let size = next()?;
    if id != LZMA2 || length != 1 || size > LARGEST {
        return Err(DecodeFailure::Broken);
    }
    Ok(match size {
        LARGEST => u32::MAX.into(),
        _ => (2 | u64::from(size & 1)) << (size / 2 + 11),
    })
}

/// The refusal of a filter before the compression (§5.3.2, §5.3.3). Those of programs would cost the Worker 5 kB, and no
/// known writer of zips uses one.
fn filter(id: u8) -> Option<&'static str> {
    Some(match id {
        3 => "its xz stream has the delta filter; compress it without filters",
        4 => "its xz stream has the filter for x86 programs; compress it without filters",
        5 => "its xz stream has the filter for PowerPC programs; compress it without filters",
        6 => "its xz stream has the filter for Itanium programs; compress it without filters",
        7 | 8 | 10 => "its xz stream has the filter for ARM programs; compress it without filters",
        9 => "its xz stream has the filter for SPARC programs; compress it without filters",
        11 => "its xz stream has the filter for RISC-V programs; compress it without filters",
        _ => return None,
    })
}

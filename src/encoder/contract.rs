//! The contract of an encoder: its options, and its report of each call.

/// The task of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// 5 to 9.
    pub quality: u8,
    /// Base-2 logarithm of the window, 10 to 24.
    pub lgwin: u8,
    /// Bytes that will be written, those of [`crate::Encoder::prime`] included, if that is known: small tables do for few. More may
    /// come, and each [`crate::Encoder::next_part`] brings more.
    pub expected: Option<u64>,
    /// How it begins.
    pub start: Start,
}

/// How a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With its header.
    Stream,
    /// In the middle of a stream that another encoder began, at a whole byte. The bytes before it are unknown, and no copy
    /// reaches them. Its first two literals mean the same after any bytes.
    Segment,
}

/// There is no memory for an encoder of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory(pub u64);

/// Bytes in and out of a meta-block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetaBlock {
    /// Of the input.
    pub taken: u64,
    /// Of the output, to a byte.
    pub given: u64,
    /// Whether it was stored as it is, without an attempt to compress it.
    pub copied: bool,
}

/// The result of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Encoded {
    pub consumed: usize,
    pub produced: usize,
    /// There is more to write than there was room for: call again with more.
    pub output_full: bool,
    /// All is written.
    pub finished: bool,
    /// A meta-block that is now encoded; its bytes come with this call and the next ones.
    pub ended: Option<MetaBlock>,
}

/// How an encoder ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The stream ends.
    Stream,
    /// At a whole byte, for another to go on.
    Segment,
}

/// The bits that begin a stream whose window has `lgwin` bits, and how many they are (RFC 7932 §9.1).
pub fn window_header(lgwin: u8) -> (u32, u32) {
    let number = u32::from(lgwin);
    match lgwin {
        16 => (0, 1),
        17 => (1, 7),
        18.. => ((number - 17) << 1 | 1, 4),
        _ => ((number - 8) << 4 | 1, 7),
    }
}

//! A brotli encoder for qualities 5 to 9, and a decoder for segments that refuses whatever depends on what precedes them; both
//! written from RFC 7932.
//!
//! docs/encoder.md has its measurements, and the qualities at which the converter uses it.

#![forbid(unsafe_code)]
#![allow(clippy::needless_range_loop, reason = "one index serves several arrays")]

mod bits;
mod blocks;
mod cluster;
mod command;
mod context;
mod context_map;
mod contract;
mod cost;
mod decoder;
mod effort;
mod encoder;
mod matcher;
mod metablock;
mod noise;
mod parse;
mod prefix;
mod simd;
mod split;
mod trees;
mod work;

pub use contract::{Encoded, End, MetaBlock, Options, OutOfMemory, Start, window_header};
pub use decoder::{Decoded, Decoder, Fault, Origin};
pub use encoder::Encoder;

/// `length` times `value`, if there is memory for it.
fn room<T: Clone>(length: usize, value: T) -> Option<Vec<T>> {
    let mut room = empty(length)?;
    room.resize(length, value);
    Some(room)
}

/// Nothing, with room for `length`, if there is memory for it.
fn empty<T>(length: usize) -> Option<Vec<T>> {
    let mut room = Vec::new();
    room.try_reserve_exact(length).ok()?;
    Some(room)
}

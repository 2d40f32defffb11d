//! The command line's arguments.

use std::path::PathBuf;

use clap::Parser;
use recompress::{Limits, Parameters};

/// Re-encode a zip as a brotli-compressed tarball, reading it once from front to back.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 done; 1 the zip was refused, or reading or writing failed; 2 wrong usage."
)]
pub struct Arguments {
    /// The zip; `-` or nothing is standard input.
    #[arg(default_value = "-", value_name = "INPUT", hide_default_value = true)]
    pub input: PathBuf,
    /// Where to write; `-` is standard output. Default: INPUT with `.tar.br` in place of `.zip`, or standard output for
    /// standard input.
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: Option<PathBuf>,
    /// Brotli quality, from 0 (fast) to 11 (small).
    #[arg(short, long, value_name = "N", default_value_t = Parameters::default().quality(), value_parser = clap::value_parser!(u8).range(0..=11))]
    pub quality: u8,
    /// Base-2 logarithm of the brotli window in bytes, from 10 to 24.
    #[arg(short = 'w', long, value_name = "N", default_value_t = Parameters::default().lgwin(), value_parser = clap::value_parser!(u8).range(10..=24))]
    pub lgwin: u8,
    /// Replace OUTPUT if it exists.
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub limits: Bounds,
}

/// What an archive may ask for; see `recompress::Limits`.
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Bounds {
    /// Members.
    #[arg(long, value_name = "N", default_value_t = Limits::NATIVE.entries, hide_default_value = true)]
    max_entries: u64,
    /// Bytes of all members' contents together.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.unpacked_bytes, hide_default_value = true)]
    max_unpacked: u64,
    /// Unpacked bytes for each byte of the zip, once 64 MiB are unpacked.
    #[arg(long, value_name = "N", default_value_t = Limits::NATIVE.ratio, hide_default_value = true)]
    max_ratio: u64,
    /// Bytes of one member whose size stands behind its data, as they are in the zip.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.held_bytes, hide_default_value = true)]
    max_held: u64,
    /// Bytes of one member's name.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.name_bytes, hide_default_value = true)]
    max_name: u64,
    /// Bytes of memory for what is held of the archive; the encoder has its own.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.memory_bytes, hide_default_value = true)]
    max_memory: u64,
}

impl From<&Bounds> for Limits {
    fn from(bounds: &Bounds) -> Self {
        Self {
            entries: bounds.max_entries,
            unpacked_bytes: bounds.max_unpacked,
            ratio: bounds.max_ratio,
            held_bytes: bounds.max_held,
            name_bytes: bounds.max_name,
            memory_bytes: bounds.max_memory,
        }
    }
}

//! The command line's arguments.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};
use recompress::{BadSelection, Estimate, Limits, Listing, Mode, Names, Parameters, Selection};

/// Re-encode a zip as a brotli-compressed tarball, reading it once from front to back.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "Exit status: 0 done; 1 the zip was refused, or reading or writing failed; 2 wrong usage."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub convert: Convert,
}

/// The other commands. To convert a zip named `serve`, write `./serve`.
#[derive(Subcommand)]
pub enum Command {
    /// List the members of a zip as JSON, with warnings about details that a tarball cannot keep.
    Inspect(Inspect),
    /// Estimate the cost of a conversion, as JSON: bytes of output, CPU time in a Worker, memory.
    Estimate(Foresee),
    /// Serve HTTP as the Worker does, with its limits and its variables `RECOMPRESS_*`.
    Serve(Serve),
}

/// Arguments of `estimate`.
#[derive(clap::Args)]
pub struct Foresee {
    /// Bytes of the zip.
    zip_bytes: u64,
    /// Unpacked bytes of all members together.
    unpacked_bytes: u64,
    /// Number of members.
    #[arg(long, value_name = "N", default_value_t = 1)]
    members: u64,
    #[command(flatten)]
    compression: Compression,
    #[command(flatten)]
    limits: Bounds,
}

impl Foresee {
    pub fn estimate(&self) -> Estimate {
        let (parameters, limits) = (self.compression.parameters(Some(self.zip_bytes)), (&self.limits).into());
        Estimate::new(parameters, limits, self.zip_bytes, self.unpacked_bytes, self.members)
    }
}

/// Arguments of `inspect`.
#[derive(clap::Args)]
pub struct Inspect {
    /// The zip; `-` or nothing is standard input.
    #[arg(default_value = "-", value_name = "INPUT", hide_default_value = true)]
    pub input: PathBuf,
    /// Print one line per member as it is read and a line of totals at the end, instead of one document.
    #[arg(long)]
    lines: bool,
    /// Decode names that are not flagged as UTF-8 by this charset: cp437, utf-8, cp932 (Shift-JIS), big5, gbk or euc-kr.
    /// `plain` replaces unsafe characters by `_`; combine it with a comma.
    #[arg(long, value_name = "NAMES", value_parser = crate::names::parse)]
    pub names: Option<Names>,
    #[command(flatten)]
    pub limits: Bounds,
}

impl Inspect {
    pub fn listing(&self) -> Listing {
        if self.lines { Listing::Lines } else { Listing::Json }
    }
}

/// Arguments of a conversion.
#[derive(clap::Args)]
pub struct Convert {
    /// The zip; `-` or nothing is standard input.
    #[arg(default_value = "-", value_name = "INPUT", hide_default_value = true)]
    pub input: PathBuf,
    /// Where to write; `-` is standard output. Default: INPUT with `.tar.br` in place of `.zip`, or standard output for
    /// standard input.
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub compression: Compression,
    /// Kind of data: `generic`, `text` or `font`.
    #[arg(short, long, value_name = "MODE", default_value = Mode::Generic.name(), value_parser = mode)]
    pub mode: Mode,
    /// Write only members that match this pattern. Repeat for several. `*` and `?` match within one name, `**` between slashes
    /// matches any number of folders, and a folder's name matches everything in it.
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Leave out members that match this pattern, even if `--include` matches. Repeat for several.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Put the member with this name first; the members before it are held in memory. Repeat for several.
    #[arg(long, value_name = "NAME")]
    first: Vec<String>,
    /// Decode names that are not flagged as UTF-8 by this charset: cp437, utf-8, cp932 (Shift-JIS), big5, gbk or euc-kr.
    /// `plain` replaces unsafe characters by `_`; combine it with a comma.
    #[arg(long, value_name = "NAMES", value_parser = crate::names::parse)]
    pub names: Option<Names>,
    /// Append a report after the tarball's end, where tar readers do not look: members, sizes, SHA-256, warnings.
    #[arg(long)]
    pub report: bool,
    /// Replace OUTPUT if it exists.
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub limits: Bounds,
}

/// Compression parameters.
#[derive(clap::Args)]
pub struct Compression {
    /// Brotli quality, from 0 (fast) to 11 (small), or `auto` for the highest that takes 25 s of CPU at most.
    #[arg(short, long, value_name = "N", default_value_t = Choice::Fixed(Parameters::default().quality()), value_parser = |text: &str| choice(text, 0, 11))]
    quality: Choice,
    /// Base-2 logarithm of the brotli window in bytes, from 10 to 24, or `auto` to fit the zip's size. With
    /// `--quality auto` the default is `auto`.
    #[arg(short = 'w', long, value_name = "N", default_value_t = Choice::Fixed(Parameters::default().lgwin()), default_value_if("quality", "auto", "auto"), value_parser = |text: &str| choice(text, 10, 24))]
    lgwin: Choice,
}

/// A number, or the automatic choice.
#[derive(Clone, Copy)]
pub enum Choice {
    Auto,
    Fixed(u8),
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(number) => number.fmt(f),
        }
    }
}

fn choice(text: &str, least: u8, most: u8) -> Result<Choice, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(Choice::Fixed(number)),
        _ if text == "auto" => Ok(Choice::Auto),
        _ => Err(format!("it must be {least} to {most} or auto")),
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::named(text).ok_or_else(|| format!("it must be {}", Mode::ALL.map(Mode::name).join(", ")))
}

impl Convert {
    pub fn selection(&self) -> Result<Selection, BadSelection> {
        Selection::new(&self.include, &self.exclude, &self.first)
    }

    /// For a zip of `size` bytes, if that is known.
    pub fn parameters(&self, size: Option<u64>) -> Parameters {
        self.compression.parameters(size).with_mode(self.mode)
    }
}

impl Compression {
    fn parameters(&self, size: Option<u64>) -> Parameters {
        let (window, automatic) = match self.lgwin {
            Choice::Auto => (Parameters::default().lgwin(), true),
            Choice::Fixed(lgwin) => (lgwin, false),
        };
        let parameters = match self.quality {
            Choice::Auto => Parameters::auto(window),
            Choice::Fixed(quality) => Parameters::new(quality, window),
        };
        let parameters = parameters.expect("the ranges were checked").expecting(size);
        if automatic { parameters.with_auto_lgwin() } else { parameters }
    }
}

/// Arguments of `serve`.
#[derive(clap::Args)]
pub struct Serve {
    /// The port; 0 picks a free one.
    #[arg(long, value_name = "N", default_value_t = 8787)]
    pub port: u16,
    /// The address to listen on; `0.0.0.0` or `::` for all.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub address: IpAddr,
    /// Bytes of memory for all conversions together.
    #[arg(long, value_name = "BYTES", default_value_t = 84 << 20)]
    pub memory: u64,
    /// Seconds that a request may wait for memory.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    pub patience: Duration,
    /// Drop a client that sends nothing for this many seconds.
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    pub idle: Duration,
    /// Drop a client that reads nothing for this many seconds.
    #[arg(long, value_name = "S", default_value = "240", value_parser = seconds)]
    pub unread: Duration,
    /// Seconds that open requests have to finish after SIGTERM or SIGINT.
    #[arg(long, value_name = "S", default_value = "60", value_parser = seconds)]
    pub grace: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "it must be a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Limits of an archive; see `recompress::Limits`.
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Bounds {
    /// Number of members.
    #[arg(long, value_name = "N", default_value_t = Limits::NATIVE.entries, hide_default_value = true)]
    max_entries: u64,
    /// Bytes of all members' contents together.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.unpacked_bytes, hide_default_value = true)]
    max_unpacked: u64,
    /// Unpacked bytes for each byte of the zip, once 64 MiB are unpacked.
    #[arg(long, value_name = "N", default_value_t = Limits::NATIVE.ratio, hide_default_value = true)]
    max_ratio: u64,
    /// Compressed bytes of one member that states its size only after its data.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.held_bytes, hide_default_value = true)]
    max_held: u64,
    /// Bytes of one member's name.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.name_bytes, hide_default_value = true)]
    max_name: u64,
    /// Bytes of memory for the held parts of the archive, without the encoder.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.memory_bytes, hide_default_value = true)]
    max_memory: u64,
    /// Milliseconds of CPU, counted from the work done, not measured.
    #[arg(long, value_name = "MS", default_value_t = Limits::NATIVE.cpu_ms, hide_default_value = true)]
    max_cpu: u64,
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
            window_bytes: Limits::NATIVE.window_bytes,
            cpu_ms: bounds.max_cpu,
        }
    }
}

//! The command line's arguments.

use std::{
    ffi::OsString,
    net::IpAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use recompress::{
    BadSelection, Estimate, Limits, Listing, Mode, Names, Parameters, Selection, When,
    save::{self, BadPath, Encoding, Keys, Narrow, Options, Unknown},
};

/// Re-encode zips as brotli-compressed tarballs, reading each once from front to back.
///
/// `recompress save.zip` writes `save.tar.br` next to it and keeps `save.zip`. `brotli -dc save.tar.br | tar -x` unpacks it.
#[derive(Parser)]
#[command(
    name = "recompress",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "`-q` without a number is `--quiet`, as in zstd; with a number it is `--quality`, as in brotli.\n\n\
        Exit status: 0 done; 1 a zip was refused, or reading or writing failed; 2 wrong usage."
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
    /// List the members of a zip, with warnings about details that a tarball cannot keep.
    Inspect(Inspect),
    /// Write a save of a Paradox game as JSON.
    Json(Json),
    /// List the members of a stored `.tar.br`: by its index if it has one, otherwise by reading it through.
    List(List),
    /// Unpack a stored `.tar.br`, or some of its members, to new files.
    ///
    /// No file is replaced, no link is followed, and nothing is written outside the folder. Of a file on a server only the index
    /// and the wanted members are read, if it has an index and the server can send ranges.
    Extract(Extract),
    /// Read a stored `.tar.br` to its end; one with an index twice, by the index and from its front.
    Test(Test),
    /// Estimate the cost of a conversion, as JSON: bytes of output, CPU time in a Worker, memory.
    Estimate(Foresee),
    /// Serve HTTP as the Worker does, with its limits and its variables `RECOMPRESS_*`.
    Serve(Serve),
    /// Print a ticket, with which a browser may store one archive without the token.
    Ticket(Ticket),
    /// Print a completion script for a shell.
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, in roff.
    #[command(hide = true)]
    Man,
}

/// Arguments of `ticket`.
#[derive(clap::Args)]
pub struct Ticket {
    /// The id that the archive will have: letters, digits, - and _.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Bytes that the zip may have.
    #[arg(long, value_name = "N", default_value_t = 100 << 20)]
    pub max_bytes: u64,
    /// Seconds for which the ticket is valid.
    #[arg(long, value_name = "S", default_value_t = 3600)]
    pub seconds: u64,
}

/// Arguments of `estimate`.
#[derive(clap::Args)]
pub struct Foresee {
    /// The zip, of which the directory is read, or all of it from a pipe; or, with UNPACKED, its size in bytes.
    #[arg(value_name = "INPUT")]
    pub zip: PathBuf,
    /// Unpacked bytes of all members together, to estimate without a file.
    #[arg(value_name = "UNPACKED")]
    pub unpacked_bytes: Option<u64>,
    /// Number of members, to estimate without a file.
    #[arg(long, value_name = "N", requires = "unpacked_bytes", default_value_t = 1, hide_default_value = true)]
    pub members: u64,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    compression: Compression,
    #[command(flatten)]
    pub limits: Bounds,
}

impl Foresee {
    pub fn estimate(&self, zip_bytes: u64, unpacked_bytes: u64, members: u64) -> Estimate {
        let parameters = self.compression.parameters(Some(zip_bytes), self.limits.max_cpu);
        Estimate::new(parameters, (&self.limits).into(), zip_bytes, unpacked_bytes, members)
    }
}

/// Arguments of `inspect`.
#[derive(clap::Args)]
pub struct Inspect {
    /// The zip; `-` or nothing is standard input.
    #[arg(default_value = "-", value_name = "INPUT", hide_default_value = true)]
    pub input: PathBuf,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Print one line of JSON per member as it is read, and a line of totals at the end.
    #[arg(long, conflicts_with = "json")]
    lines: bool,
    /// Decode names that are not flagged as UTF-8 by this charset: cp437, utf-8, cp932 (Shift-JIS), big5, gbk or euc-kr.
    /// `plain` replaces unsafe characters by `_`; combine it with a comma.
    #[arg(long, value_name = "NAMES", value_parser = crate::names::parse)]
    pub names: Option<Names>,
    /// Add the metadata of a save: game, version, date, player, mods. INPUT may then be a save without a zip.
    #[arg(long)]
    pub meta: bool,
    /// The words of binary saves: a text file with a line like `0x1234 name` for each.
    #[arg(long, value_name = "FILE", requires = "meta")]
    pub tokens: Option<PathBuf>,
    #[command(flatten)]
    pub directory: WhichFirst,
    #[command(flatten)]
    pub limits: Bounds,
}

impl Inspect {
    /// The form of the listing for programs; `None` for a table.
    pub fn listing(&self) -> Option<Listing> {
        match (self.json, self.lines) {
            (true, _) => Some(Listing::Json),
            (_, true) => Some(Listing::Lines),
            _ => None,
        }
    }
}

/// Arguments of `list`.
#[derive(clap::Args)]
pub struct List {
    /// The archive: a file, an address with http or https, or `-` for standard input.
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// Print one line of JSON per member.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `extract`.
#[derive(clap::Args)]
pub struct Extract {
    /// The archive: a file, an address with http or https, or `-` for standard input.
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// The members to unpack; a folder's name is everything in it. Default: all.
    #[arg(value_name = "MEMBER")]
    pub members: Vec<String>,
    /// The folder to unpack to. It is made if it is missing.
    #[arg(short = 'C', long, value_name = "FOLDER", default_value = ".", hide_default_value = true)]
    pub folder: PathBuf,
    /// `-`: write the only MEMBER to standard output.
    #[arg(short, long, value_name = "-", conflicts_with = "folder")]
    pub output: Option<PathBuf>,
}

/// Arguments of `test`.
#[derive(clap::Args)]
pub struct Test {
    /// The archive: a file, or an address with http or https.
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
}

/// Arguments of `json`.
#[derive(clap::Args)]
pub struct Json {
    /// The save: a zip, or a file without compression; `-` or nothing is standard input.
    #[arg(default_value = "-", value_name = "INPUT", hide_default_value = true)]
    pub input: PathBuf,
    /// Where to write the JSON; `-` or nothing is standard output.
    #[arg(short, long, default_value = "-", value_name = "OUTPUT", hide_default_value = true)]
    pub output: PathBuf,
    /// The member of the zip to convert. Default: `gamestate`, or the first with the extension of a game.
    #[arg(long, value_name = "NAME")]
    pub member: Option<String>,
    /// What to do with a key that an object has more than once: `preserve` writes it more than once, `pairs` writes objects
    /// as lists of pairs, `group` writes it once with a list of its values, and holds the document in memory.
    #[arg(long, value_name = "KEYS", default_value = "preserve", value_parser = named(Keys::named, Keys::NAMES))]
    keys: Keys,
    /// Which texts may become numbers and truth values: those that are `unquoted`, `all` or `none`.
    #[arg(long, value_name = "TEXTS", default_value = "unquoted", value_parser = named(Narrow::named, Narrow::NAMES))]
    narrow: Narrow,
    /// The encoding of the save: `utf-8` or `windows-1252`; `auto` goes by the game.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = encoding)]
    encoding: Choosable<Encoding>,
    /// Write only this part of the save, as in `/countries/FRA/treasury`; `*` is any key. Repeat for several.
    #[arg(long, value_name = "PATH")]
    select: Vec<String>,
    /// Write each child of this part as a line of JSON, and a last line with `"complete":true`.
    #[arg(long, value_name = "PATH")]
    lines: Option<String>,
    /// The words of binary saves: a text file with a line like `0x1234 name` for each.
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// Refuse a binary save with a word that the list lacks. Without this option, the word is `__unknown_0x1234`.
    #[arg(long, requires = "tokens")]
    strict: bool,
    /// Replace OUTPUT if it exists.
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub limits: Bounds,
}

impl Json {
    pub fn options(&self) -> Result<Options, BadPath> {
        let mut selection = save::Selection::default();
        for path in &self.select {
            selection = selection.with_path(path)?;
        }
        if let Some(path) = &self.lines {
            selection = selection.with_lines(path)?;
        }
        let unknown = if self.strict { Unknown::Refuse } else { Unknown::Name };
        Ok(Options {
            keys: self.keys,
            narrow: self.narrow,
            encoding: self.encoding.0,
            selection,
            unknown,
            ..Options::default()
        })
    }
}

/// A value, or the automatic choice.
#[derive(Clone, Copy)]
struct Choosable<T>(Option<T>);

fn encoding(text: &str) -> Result<Choosable<Encoding>, String> {
    match text {
        "auto" => Ok(Choosable(None)),
        _ => named(Encoding::named, Encoding::NAMES)(text).map(|encoding| Choosable(Some(encoding))),
    }
}

fn named<T>(of: fn(&str) -> Option<T>, names: &'static str) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| of(text).ok_or_else(|| format!("it must be {names}"))
}

/// Arguments of a conversion.
#[derive(clap::Args)]
pub struct Convert {
    /// The zips; `-` or nothing is standard input.
    #[arg(default_value = "-", value_name = "INPUT", hide_default_value = true)]
    pub inputs: Vec<PathBuf>,
    /// Where to write the result of a single INPUT; `-` is standard output. Default: INPUT with `.tar.br` in place of
    /// `.zip`, or standard output for standard input.
    #[arg(short, long, value_name = "OUTPUT")]
    pub output: Option<PathBuf>,
    /// Write the results to this folder. It is made if it is not there.
    #[arg(long, value_name = "FOLDER", conflicts_with = "output")]
    pub output_dir: Option<PathBuf>,
    /// Write the result of a single INPUT to standard output.
    #[arg(short = 'c', long, conflicts_with_all = ["output", "output_dir"])]
    pub stdout: bool,
    /// Keep INPUT. This is what happens anyway; the option is there for habit.
    #[arg(short, long)]
    keep: bool,
    /// Print errors only: no progress and no summary.
    #[arg(long)]
    pub quiet: bool,
    /// Print a summary of each INPUT also when standard error is no terminal.
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
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
    #[command(flatten)]
    pub directory: WhichFirst,
    /// Whether the result gets an index, by which a member is read without those before it: 1 or 0. 1 needs quality 5 and lgwin
    /// 18 at least. Default: 1 at qualities 5 to 9.
    #[arg(long, value_name = "0|1", value_parser = ["0", "1"])]
    seekable: Option<String>,
    /// Threads that encode side by side. The result is the same for any number. Default: as many as the machine has cores for a
    /// file, 1 for a pipe, and with `--max-cpu`, which needs 1. Only results with an index are divided; others take one thread.
    /// The threads' memory is at most `--max-memory`, too, and by default at most a quarter of the machine's.
    #[arg(short = 'T', long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// Cut segments of so many bytes: for tests, which have no large files.
    #[arg(long, value_name = "BYTES", hide = true, value_parser = clap::value_parser!(u64).range(2 << 20..))]
    pub segment_bytes: Option<u64>,
    /// Append a report after the tarball's end, where tar readers do not look: members, sizes, SHA-256, warnings.
    #[arg(long)]
    pub report: bool,
    /// Replace OUTPUT if it exists.
    #[arg(short, long)]
    pub force: bool,
    #[command(flatten)]
    pub limits: Bounds,
}

/// The time at which the zip's directory is read.
#[derive(clap::Args)]
pub struct WhichFirst {
    /// When to read the zip's directory. `first`, before the members, keeps permissions and symbolic links; the input must be
    /// a file, or have 4 MiB at most. `last` reads front to back, as servers do with a longer upload. `auto` is `first` where that
    /// is possible.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = named(When::named, When::NAMES))]
    directory: When,
    /// The same as `--directory last`.
    #[arg(long, conflicts_with = "directory")]
    streamed: bool,
}

impl WhichFirst {
    pub fn when(&self) -> When {
        if self.streamed { When::Last } else { self.directory }
    }
}

/// The most threads that may be asked for.
const MOST_THREADS: usize = 256;

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= MOST_THREADS);
    number.ok_or_else(|| format!("it must be 1 to {MOST_THREADS}"))
}

/// Compression parameters.
#[derive(clap::Args)]
pub struct Compression {
    /// Brotli quality, from 0 (fast) to 11 (small); `-0` to `-9` are short for it. `auto` with `--max-cpu` is the highest
    /// that stays within that time; without it, the default. Default: 9, or lower where `--max-cpu` demands it.
    #[arg(short, long, value_name = "N", value_parser = |text: &str| choice(text, 0, 11))]
    quality: Option<Choice>,
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
        let parameters = self.compression.parameters(size, self.limits.max_cpu).with_mode(self.mode);
        match self.seekable.as_deref() {
            Some(wanted) => parameters.with_index(wanted == "1"),
            None => parameters,
        }
    }
}

impl Compression {
    fn parameters(&self, size: Option<u64>, max_cpu: Option<u64>) -> Parameters {
        let (window, automatic) = match self.lgwin {
            Choice::Auto => (Parameters::default().lgwin(), true),
            Choice::Fixed(lgwin) => (lgwin, false),
        };
        let parameters = match self.quality {
            // Without a limit, nothing lowers the quality.
            Some(Choice::Auto) if max_cpu.is_some() => Parameters::auto(window),
            Some(Choice::Fixed(quality)) => Parameters::new(quality, window),
            Some(Choice::Auto) | None => {
                Parameters::new(Parameters::default().quality(), window).map(Parameters::or_lower)
            }
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
    /// The folder of the page for people, as `make page` builds it. Default: the page in this program, if it was built with
    /// one.
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,
    /// Keep archives in this folder, or in a bucket of S3 (s3://BUCKET/PREFIX, in a program that was built with it): the routes
    /// below `/archives` then exist. They need the variable RECOMPRESS_TOKEN, or RECOMPRESS_OPEN=1 for a server that only its
    /// owner reaches.
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Delete expired archives, and what broken uploads have left, every so many seconds.
    #[arg(long, value_name = "S", default_value = "86400", value_parser = seconds, requires = "store")]
    pub sweep: Duration,
    /// Take what belongs to no archive as left by a broken upload if it is older than this many seconds.
    #[arg(long, value_name = "S", default_value = "86400", value_parser = seconds, requires = "store")]
    pub orphan_age: Duration,
    /// Costly requests that one client's address may send in a minute; more get the status 429. Default: no limit. Behind a proxy,
    /// all clients have the address of the proxy: set the limit there.
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Bytes of memory for all requests together. Default: a quarter of the machine's, or of the container's.
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    pub memory: Option<u64>,
    /// Most bytes of one answer that wait for a client that sends everything before it reads.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    pub max_unread: u64,
    /// Drop a client that sends nothing for this many seconds.
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    pub idle: Duration,
    /// Drop a client that reads nothing for this many seconds.
    #[arg(long, value_name = "S", default_value = "240", value_parser = seconds)]
    pub unread: Duration,
    /// Seconds that open requests have to finish after SIGTERM or SIGINT.
    #[arg(long, value_name = "S", default_value = "60", value_parser = seconds)]
    pub grace: Duration,
    /// The words of binary saves: a text file with a line like `0x1234 name` for each.
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
}

/// With less, not even an inspection of a small archive fits.
fn memory(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 16 << 20;
    match text.parse() {
        Ok(bytes) if bytes >= LEAST => Ok(bytes),
        _ => Err(format!("it must be a number of bytes, at least {LEAST}")),
    }
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
    /// Bytes of memory for the held parts of the archive, without the encoder. Several threads may take as much again.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::NATIVE.memory_bytes, hide_default_value = true)]
    pub max_memory: u64,
    /// Milliseconds of CPU, counted from the work done, not measured. Default: no limit.
    #[arg(long, value_name = "MS")]
    pub max_cpu: Option<u64>,
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
            cpu_ms: bounds.max_cpu.unwrap_or(Self::NATIVE.cpu_ms),
        }
    }
}

/// The arguments with `-0` to `-9` as `--quality=N`, and `-q` as `--quiet` unless a quality follows.
///
/// zstd's `-q` is quiet, brotli's is the quality; clap gives one letter to one option.
pub fn normalized(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter().peekable();
    let mut normalized = Vec::from_iter(arguments.next());
    while let Some(argument) = arguments.next() {
        let mut followed_by_quality = || {
            arguments
                .peek()
                .and_then(|next| next.to_str())
                .is_some_and(|next| next == "auto" || next.parse::<u8>().is_ok())
        };
        match argument.as_encoded_bytes() {
            b"--" => {
                normalized.push(argument);
                normalized.extend(arguments.by_ref());
            }
            [b'-', digit @ b'0'..=b'9'] => normalized.push(format!("--quality={}", char::from(*digit)).into()),
            b"-q" if !followed_by_quality() => normalized.push("--quiet".into()),
            _ => normalized.push(argument),
        }
    }
    normalized
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn digits_are_qualities_and_a_lone_q_is_quiet() {
        for (given, expected) in [
            (&["-0", "a.zip"][..], &["--quality=0", "a.zip"][..]),
            (&["-q", "a.zip", "-9"], &["--quiet", "a.zip", "--quality=9"]),
            (&["-q", "5", "-w", "18"], &["-q", "5", "-w", "18"]),
            (&["-q", "auto"], &["-q", "auto"]),
            (&["a.zip", "-q"], &["a.zip", "--quiet"]),
            (&["-q5"], &["-q5"]),
            (&["--", "-5", "-q"], &["--", "-5", "-q"]),
        ] {
            let with_name = |given: &[&str]| ["recompress"].iter().chain(given).map(OsString::from).collect::<Vec<_>>();
            assert_eq!(normalized(with_name(given)), with_name(expected), "{given:?}");
        }
    }
}

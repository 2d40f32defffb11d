//! The command-line tool.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use recompress::{Limits, Parameters, Status, Transcoder};
use tempfile::NamedTempFile;

/// Re-encode a zip as a brotli-compressed tarball, reading it once from front to back.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 done; 1 the zip was refused, or reading or writing failed; 2 wrong usage."
)]
struct Arguments {
    /// The zip; `-` or nothing is standard input.
    #[arg(default_value = "-", value_name = "INPUT", hide_default_value = true)]
    input: PathBuf,
    /// Where to write; `-` is standard output. Default: INPUT with `.tar.br` in place of `.zip`, or standard output for
    /// standard input.
    #[arg(short, long, value_name = "OUTPUT")]
    output: Option<PathBuf>,
    /// Brotli quality, from 0 (fast) to 11 (small).
    #[arg(short, long, value_name = "N", default_value_t = Parameters::default().quality(), value_parser = clap::value_parser!(u8).range(0..=11))]
    quality: u8,
    /// Base-2 logarithm of the brotli window in bytes, from 10 to 24.
    #[arg(short = 'w', long, value_name = "N", default_value_t = Parameters::default().lgwin(), value_parser = clap::value_parser!(u8).range(10..=24))]
    lgwin: u8,
    /// Replace OUTPUT if it exists.
    #[arg(short, long)]
    force: bool,
}

/// Why there is no result: a stable word, and what happened.
struct Failure(&'static str, String);

impl From<recompress::Error> for Failure {
    fn from(error: recompress::Error) -> Self {
        Self(error.code(), error.to_string())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, message)) => {
            eprintln!("recompress: {code}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let is_stdio = |path: &Path| path == Path::new("-");
    let (input, size): (Box<dyn Read>, _) = if is_stdio(&arguments.input) {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(&arguments.input).map_err(|error| failed("read", &arguments.input, &error))?;
        let size = file.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
        (Box::new(file), size)
    };
    let output = match &arguments.output {
        Some(path) if is_stdio(path) => None,
        Some(path) => Some(path.clone()),
        None if is_stdio(&arguments.input) => None,
        None => Some(default_output(&arguments.input)),
    };
    let parameters = Parameters::new(arguments.quality, arguments.lgwin).expect("clap checked the ranges");
    let progress = progress_bar(size);
    let input = progress.wrap_read(input);
    match output {
        None if io::stdout().is_terminal() => {
            Err(Failure("output_is_terminal", "the result is not text: name a file with -o, or a pipe".to_owned()))
        }
        None => convert(input, io::stdout().lock(), parameters, &arguments.input, Path::new("-")),
        Some(path) => to_file(input, &path, arguments, parameters),
    }?;
    progress.finish_and_clear();
    Ok(())
}

/// Writes to a file that has its name only once it is whole.
fn to_file(input: impl Read, path: &Path, arguments: &Arguments, parameters: Parameters) -> Result<(), Failure> {
    let failed = |error: io::Error| failed("write", path, &error);
    if fs_special(path) {
        let device = OpenOptions::new().write(true).open(path).map_err(failed)?;
        return convert(input, device, parameters, &arguments.input, path);
    }
    if !arguments.force && path.exists() {
        return Err(Failure("output_exists", format!("{} exists; --force replaces it", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = new_file(folder).map_err(failed)?;
    convert(input, BufWriter::new(&file), parameters, &arguments.input, path)?;
    let persisted = if arguments.force { file.persist(path) } else { file.persist_noclobber(path) };
    persisted.map_err(|error| failed(error.error))?;
    Ok(())
}

/// Whether `path` is something like `/dev/null`, that must not be replaced by a file.
fn fs_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// A file that vanishes unless it is given a name, readable by whom other new files are.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".recompress-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn default_output(input: &Path) -> PathBuf {
    match input.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("zip") => input.with_extension("tar.br"),
        _ => {
            let mut name = input.as_os_str().to_owned();
            name.push(".tar.br");
            name.into()
        }
    }
}

fn convert(
    mut input: impl Read,
    mut output: impl Write,
    parameters: Parameters,
    input_name: &Path,
    output_name: &Path,
) -> Result<(), Failure> {
    let mut transcoder = Transcoder::new(parameters, Limits::NATIVE)?;
    let mut read = vec![0; 256 << 10];
    let mut written = vec![0; 256 << 10];
    let mut unread = 0..0;
    loop {
        let progress = transcoder.step(&read[unread.clone()], &mut written)?;
        unread.start += progress.consumed;
        output.write_all(&written[..progress.produced]).map_err(|error| failed("write", output_name, &error))?;
        match progress.status {
            Status::NeedsInput => {
                let count = input.read(&mut read).map_err(|error| failed("read", input_name, &error))?;
                unread = 0..count;
            }
            Status::NeedsOutput | Status::Working => {}
            Status::Done => break,
        }
    }
    output.flush().map_err(|error| failed("write", output_name, &error))
}

/// Shows bytes read on a terminal; nothing anywhere else.
fn progress_bar(size: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"),
        None => (ProgressBar::no_length(), "{spinner} {bytes} {bytes_per_sec} {elapsed}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is constant"))
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Failure {
    Failure("io", format!("cannot {verb} {}: {error}", path.display()))
}

//! The command-line tool, which is a server as well.

mod arguments;
mod serve;

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use arguments::{Arguments, Command};
use clap::{CommandFactory, Parser, error::ErrorKind};
use indicatif::{ProgressBar, ProgressStyle};
use recompress::{Status, Transcoder};
use tempfile::NamedTempFile;

/// Bytes read, and written, at once.
const BUFFER: usize = 256 << 10;

/// Why there is no result: a stable word, and what happened.
struct Failure(&'static str, String);

impl From<recompress::Error> for Failure {
    fn from(error: recompress::Error) -> Self {
        Self(error.code(), error.to_string())
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    let result = match arguments.command.take() {
        Some(Command::Serve(how)) => serve::serve(how).map_err(|error| Failure("io", format!("cannot serve: {error}"))),
        None => run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(code, message)) => {
            eprintln!("recompress: {code}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (input, size): (Box<dyn Read>, _) = if is_stdio(&arguments.input) {
        if io::stdin().is_terminal() {
            let message = "nothing to read: name a zip, or pipe one in";
            Arguments::command().error(ErrorKind::MissingRequiredArgument, message).exit();
        }
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(&arguments.input).map_err(|error| failed("read", &arguments.input, &error))?;
        let size = file.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
        (Box::new(file), size)
    };
    let output = match &arguments.output {
        Some(path) => path.clone(),
        None if is_stdio(&arguments.input) => "-".into(),
        None => default_output(&arguments.input),
    };
    if is_stdio(&output) && io::stdout().is_terminal() {
        let message = "the result is not text: name a file with -o, or use a pipe";
        Arguments::command().error(ErrorKind::MissingRequiredArgument, message).exit();
    }
    let progress = progress_bar(size);
    let input = progress.wrap_read(input);
    let result = if is_stdio(&output) {
        convert(input, size, io::stdout().lock(), &output, arguments)
    } else {
        convert_to_file(input, size, &output, arguments)
    };
    progress.finish_and_clear();
    result
}

fn is_stdio(path: &Path) -> bool {
    path == Path::new("-")
}

/// Writes to a file that has its name only once it is whole.
fn convert_to_file(input: impl Read, size: Option<u64>, path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let failed = |error: io::Error| failed("write", path, &error);
    if is_device(path) {
        let device = OpenOptions::new().write(true).open(path).map_err(failed)?;
        return convert(input, size, device, path, arguments);
    }
    if !arguments.force && path.exists() {
        return Err(Failure("output_exists", format!("{} exists; --force replaces it", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = new_file(folder).map_err(failed)?;
    convert(input, size, BufWriter::new(&file), path, arguments)?;
    let persisted = if arguments.force { file.persist(path) } else { file.persist_noclobber(path) };
    persisted.map_err(|error| failed(error.error))?;
    Ok(())
}

/// Whether `path` is something like `/dev/null`, that must not be replaced by a file.
fn is_device(path: &Path) -> bool {
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
    size: Option<u64>,
    mut output: impl Write,
    output_name: &Path,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let mut transcoder = Transcoder::new(arguments.parameters(size), (&arguments.limits).into())?;
    let mut read = vec![0; BUFFER];
    let mut written = vec![0; BUFFER];
    let mut unread = 0..0;
    loop {
        let progress = transcoder.step(&read[unread.clone()], &mut written)?;
        unread.start += progress.consumed;
        output.write_all(&written[..progress.produced]).map_err(|error| failed("write", output_name, &error))?;
        match progress.status {
            Status::NeedsInput => {
                let count =
                    read_some(&mut input, &mut read).map_err(|error| failed("read", &arguments.input, &error))?;
                unread = 0..count;
            }
            Status::NeedsOutput | Status::Working => {}
            Status::Done => break,
        }
    }
    output.flush().map_err(|error| failed("write", output_name, &error))
}

/// Reads what there is; nothing means that there is no more, and not that a signal came.
fn read_some(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
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

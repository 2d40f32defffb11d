//! The command-line tool and native server.

mod arguments;
mod names;
mod pump;
mod serve;

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use arguments::{Arguments, Command, Convert, Inspect};
use clap::{CommandFactory, Parser, error::ErrorKind};
use pump::{Input, run_steps};
use recompress::{Inspection, Step, Transcoder};
use tempfile::NamedTempFile;

/// Why there is no result: a stable code and a message.
struct CommandError(&'static str, String);

impl From<recompress::Error> for CommandError {
    fn from(error: recompress::Error) -> Self {
        Self(error.code(), error.to_string())
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError(code, message)) => {
            eprintln!("recompress: {code}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), CommandError> {
    match arguments.command {
        None => convert(&arguments.convert),
        Some(Command::Serve(how)) => {
            serve::serve(how).map_err(|error| CommandError("io", format!("cannot serve: {error}")))
        }
        Some(Command::Inspect(inspect)) => list(&inspect),
        Some(Command::Estimate(numbers)) => {
            let written = writeln!(io::stdout(), "{}", numbers.estimate());
            written.map_err(|error| failed("write", Path::new("-"), &error))
        }
    }
}

fn convert(arguments: &Convert) -> Result<(), CommandError> {
    let selection = arguments
        .selection()
        .unwrap_or_else(|error| Arguments::command().error(ErrorKind::ValueValidation, error).exit());
    let source = Input::open(&arguments.input)?;
    let output = match &arguments.output {
        Some(path) => path.clone(),
        None if is_stdio(&arguments.input) => "-".into(),
        None => default_output(&arguments.input),
    };
    if is_stdio(&output) && io::stdout().is_terminal() {
        let message = "the result is not text: name a file with -o, or use a pipe";
        Arguments::command().error(ErrorKind::MissingRequiredArgument, message).exit();
    }
    let transcoder = Transcoder::new(arguments.parameters(source.size), (&arguments.limits).into())?;
    let mut transcoder = transcoder.selecting(selection).naming(arguments.names.unwrap_or_default());
    if arguments.report {
        transcoder = transcoder.reporting();
    }
    if is_stdio(&output) {
        run_steps(&mut transcoder, source, io::stdout().lock(), &output)
    } else {
        write_file(&mut transcoder, source, &output, arguments.force)
    }
}

fn list(arguments: &Inspect) -> Result<(), CommandError> {
    let source = Input::open(&arguments.input)?;
    let mut inspection = Inspection::new(arguments.listing(), (&arguments.limits).into());
    inspection = inspection.naming(arguments.names.unwrap_or_default());
    run_steps(&mut inspection, source, io::stdout().lock(), Path::new("-"))
}

fn is_stdio(path: &Path) -> bool {
    path == Path::new("-")
}

/// Writes to a temporary file and renames it when it is complete.
fn write_file(machine: &mut impl Step, source: Input, path: &Path, force: bool) -> Result<(), CommandError> {
    let failed = |error: io::Error| failed("write", path, &error);
    if is_device(path) {
        let device = OpenOptions::new().write(true).open(path).map_err(failed)?;
        return run_steps(machine, source, device, path);
    }
    if !force && path.exists() {
        return Err(CommandError("output_exists", format!("{} exists; --force replaces it", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = new_file(folder).map_err(failed)?;
    run_steps(machine, source, BufWriter::new(&file), path)?;
    let persisted = if force { file.persist(path) } else { file.persist_noclobber(path) };
    persisted.map_err(|error| failed(error.error))?;
    Ok(())
}

/// Whether `path` is a device like `/dev/null`, which a rename would replace.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// A temporary file with the usual permissions of a new file. It is deleted unless it gets a name.
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

fn failed(verb: &str, path: &Path, error: &io::Error) -> CommandError {
    CommandError("io", format!("cannot {verb} {}: {error}", path.display()))
}

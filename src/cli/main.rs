//! The command-line tool and native server.

mod arguments;
mod convert;
mod estimate;
mod json;
mod listing;
mod machine;
mod names;
mod output;
mod pump;
mod serve;
mod side_by_side;
mod stored;

use std::{
    fmt::Display,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::SystemTime,
};

use arguments::{Arguments, Command, Ticket};
use clap::{CommandFactory, Parser, error::ErrorKind};
use recompress::save::Words;

/// Why there is no result: a stable code and a message.
struct CommandError(&'static str, String);

impl From<recompress::Error> for CommandError {
    fn from(error: recompress::Error) -> Self {
        Self(error.code(), error.to_string())
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse_from(arguments::normalized(std::env::args_os()))) {
        Ok(code) => code,
        Err(error) => {
            complain(&error, None);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    match arguments.command {
        None => return convert::convert(&arguments.convert),
        Some(Command::Serve(how)) => {
            let tokens = how.tokens.as_deref().map(json::tokens).transpose()?;
            let words = Words { tokens, lookups: None };
            serve::serve(words, how).map_err(|error| CommandError("io", format!("cannot serve: {error}")))?;
        }
        Some(Command::Inspect(inspect)) => listing::list(&inspect)?,
        Some(Command::Json(how)) => json::convert(&how)?,
        Some(Command::List(how)) => stored::list(&how)?,
        Some(Command::Extract(how)) => stored::extract(&how)?,
        Some(Command::Test(how)) => stored::test(&how)?,
        Some(Command::Estimate(foresee)) => estimate::estimate(&foresee)?,
        Some(Command::Ticket(how)) => print(ticket(&how)?)?,
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "recompress", &mut script);
            write_out(&script)?;
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Arguments::command()).render(&mut page);
            rendered.and_then(|()| io::stdout().write_all(&page)).map_err(to_stdout)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A ticket that the token of the environment signs.
fn ticket(how: &Ticket) -> Result<String, CommandError> {
    let Ticket { id, max_bytes, seconds } = how;
    let refuse = |why: &str| CommandError("bad_ticket", why.to_owned());
    let token = std::env::var("RECOMPRESS_TOKEN").map_err(|_| refuse("the variable RECOMPRESS_TOKEN is not set"))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    recompress_http::ticket(&token, id, *max_bytes, now.saturating_add(*seconds)).ok_or_else(|| {
        refuse("RECOMPRESS_TOKEN is no token, or the id is none: it has 1 to 128 letters, digits, - and _")
    })
}

/// Ends with a message about wrong usage.
fn misuse(kind: ErrorKind, message: impl Display) -> ! {
    Arguments::command().error(kind, message).exit()
}

/// Prints an error; with the name of its input where there are several.
fn complain(CommandError(code, message): &CommandError, input: Option<&Path>) {
    match input {
        Some(input) => eprintln!("recompress: {code}: {}: {message}", input.display()),
        None => eprintln!("recompress: {code}: {message}"),
    }
}

fn print(line: impl Display) -> Result<(), CommandError> {
    write_out(format!("{line}\n").as_bytes())
}

fn write_out(bytes: &[u8]) -> Result<(), CommandError> {
    io::stdout().write_all(bytes).map_err(to_stdout)
}

fn to_stdout(error: io::Error) -> CommandError {
    failed("write", Path::new("-"), &error)
}

fn is_stdio(path: &Path) -> bool {
    path == Path::new("-")
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> CommandError {
    CommandError("io", format!("cannot {verb} {}: {error}", path.display()))
}

//! Conversions: each input to its output, one after the other.

use std::{
    collections::HashSet,
    fs,
    io::{self, BufWriter, IsTerminal, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Instant,
};

use clap::error::ErrorKind;
use indicatif::DecimalBytes;
use recompress::{Parameters, Selection, Transcoder};

use crate::{
    CommandError,
    arguments::Convert,
    complain, failed, is_stdio, machine, misuse,
    output::{NewFile, default_output, is_device, is_same_file, open_device},
    pump::{Input, Moved, run_steps},
    side_by_side::{SideBySide, memory_bytes, threads_within},
};

/// Converts every input. With several, a failure does not keep the others from being converted.
pub fn convert(arguments: &Convert) -> Result<ExitCode, CommandError> {
    let selection = arguments.selection().unwrap_or_else(|error| misuse(ErrorKind::ValueValidation, error));
    if arguments.threads.is_some_and(|several| several > NonZeroUsize::MIN) && arguments.limits.max_cpu.is_some() {
        misuse(ErrorKind::ArgumentConflict, "--max-cpu counts the work of one thread: leave it or --threads away");
    }
    let outputs = outputs(arguments);
    if let ([input], [output]) = (&arguments.inputs[..], &outputs[..]) {
        convert_one(arguments, &selection, input, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for (input, output) in arguments.inputs.iter().zip(&outputs) {
        if let Err(error) = convert_one(arguments, &selection, input, output) {
            complain(&error, Some(input));
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// The output of each input. Combinations of options that would lose a result are wrong usage.
fn outputs(arguments: &Convert) -> Vec<PathBuf> {
    let Convert { inputs, output, output_dir, stdout, .. } = arguments;
    if inputs.len() > 1 && (output.is_some() || *stdout) {
        misuse(
            ErrorKind::ArgumentConflict,
            "several inputs need several outputs: use --output-dir instead of -o or -c",
        );
    }
    let outputs: Vec<PathBuf> = inputs
        .iter()
        .map(|input| match (output, output_dir) {
            (Some(output), _) => output.clone(),
            (None, Some(folder)) if is_stdio(input) => folder.join("stdin.tar.br"),
            (None, Some(folder)) => folder.join(default_output(input).file_name().unwrap_or_default()),
            (None, None) if *stdout || is_stdio(input) => "-".into(),
            (None, None) => default_output(input),
        })
        .collect();
    let mut seen = HashSet::new();
    if let Some(twice) = outputs.iter().find(|output| !seen.insert(*output)) {
        misuse(ErrorKind::ArgumentConflict, format!("two inputs would be written to {}", twice.display()));
    }
    outputs
}

fn convert_one(arguments: &Convert, selection: &Selection, input: &Path, output: &Path) -> Result<(), CommandError> {
    if is_stdio(output) && io::stdout().is_terminal() {
        let message = "the result is not text: name a file with -o, or use a pipe";
        misuse(ErrorKind::MissingRequiredArgument, message);
    }
    if is_same_file(input, output) {
        let message = format!("{} is the input: name another output with -o", output.display());
        return Err(CommandError("same_file", message));
    }
    let started = Instant::now();
    let source = Input::open(input)?;
    if let Some(folder) = &arguments.output_dir {
        fs::create_dir_all(folder).map_err(|error| failed("create", folder, &error))?;
    }
    let moved = if is_stdio(output) {
        write(arguments, selection, source, &mut io::stdout().lock(), output)?
    } else if is_device(output) {
        write(arguments, selection, source, &mut open_device(output)?, output)?
    } else {
        let file = NewFile::create(output, arguments.force)?;
        let moved = write(arguments, selection, source, &mut BufWriter::new(file.file()), output)?;
        file.keep().map_err(|error| failed("write", output, &error))?;
        moved
    };
    if arguments.verbose || (io::stderr().is_terminal() && !arguments.quiet) {
        eprintln!(
            "{}: {}",
            name(input, "stdin"),
            summary(moved, name(output, "stdout"), started.elapsed().as_secs_f64())
        );
    }
    Ok(())
}

/// Writes the result of one input to `sink`, whose name is `output`.
fn write(
    arguments: &Convert,
    selection: &Selection,
    mut source: Input,
    sink: &mut dyn Write,
    output: &Path,
) -> Result<Moved, CommandError> {
    let limits = (&arguments.limits).into();
    let names = arguments.names.unwrap_or_default();
    let directory = source.directory(arguments.directory.when(), limits, names)?;
    let parameters = arguments.parameters(source.size);
    let threads = threads(arguments, parameters, source.is_file())?;
    let transcoder = Transcoder::new(parameters, limits)?;
    let mut transcoder = transcoder.selecting(selection.clone()).naming(names);
    if let Some(directory) = directory {
        transcoder = transcoder.knowing(directory)?;
    }
    if arguments.report {
        transcoder = transcoder.reporting();
    }
    if let Some(bytes) = arguments.segment_bytes {
        transcoder = transcoder.cutting_at(bytes);
    }
    match threads {
        NonZeroUsize::MIN => run_steps(&mut transcoder, source, sink, output, !arguments.quiet),
        several => {
            let no_threads =
                |error| CommandError("io", format!("cannot start a thread: {error}; --threads 1 needs none"));
            let mut conversion = SideBySide::new(transcoder, several).map_err(no_threads)?;
            run_steps(&mut conversion, source, sink, output, !arguments.quiet)
        }
    }
}

/// How many threads encode. They take at most as much memory as `--max-memory` allows for the archive, and by default no more than
/// the server's share of the machine.
fn threads(arguments: &Convert, parameters: Parameters, is_file: bool) -> Result<NonZeroUsize, CommandError> {
    let limit = arguments.limits.max_memory;
    let Some(wanted) = arguments.threads else {
        // A budget counts the work of one thread.
        let has_budget = arguments.limits.max_cpu.is_some();
        let most = if is_file && !has_budget { thread::available_parallelism().ok() } else { None };
        return Ok(threads_within(limit.min(machine::share()), parameters, most.unwrap_or(NonZeroUsize::MIN)));
    };
    let fit = threads_within(limit, parameters, wanted);
    if fit < wanted {
        let (taken, limit) = (DecimalBytes(memory_bytes(parameters, wanted)), DecimalBytes(limit));
        let message = format!(
            "{wanted} threads can take {taken} of memory at this quality and window, --max-memory is {limit}: use --threads {fit}, or \
             allow more"
        );
        return Err(CommandError("memory_limit", message));
    }
    Ok(wanted)
}

fn name(path: &Path, stdio: &'static str) -> impl std::fmt::Display {
    if is_stdio(path) { stdio.to_owned() } else { path.display().to_string() }
}

/// For people: sizes, the difference, the time.
fn summary(moved: Moved, output: impl std::fmt::Display, seconds: f64) -> String {
    let Moved { read, written } = moved;
    let change = 100.0 * (written as f64 - read as f64) / (read.max(1) as f64);
    let change = match change {
        change if change <= -0.05 => format!("{:.1} % smaller", -change),
        change if change >= 0.05 => format!("{change:.1} % larger"),
        _ => "the same size".to_owned(),
    };
    format!("{} -> {}, {change}, {seconds:.1} s, {output}", DecimalBytes(read), DecimalBytes(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_smaller_larger_or_the_same() {
        for (read, written, expected) in [
            (2_000_000, 1_000_000, "2.00 MB -> 1.00 MB, 50.0 % smaller, 1.5 s, out"),
            (1000, 1010, "1.00 kB -> 1.01 kB, 1.0 % larger, 1.5 s, out"),
            (100_000, 100_001, "100.00 kB -> 100.00 kB, the same size, 1.5 s, out"),
        ] {
            assert_eq!(summary(Moved { read, written }, "out", 1.5), expected);
        }
    }
}

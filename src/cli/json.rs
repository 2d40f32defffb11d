//! A save as JSON: a file, or standard output.

use std::{
    fs,
    io::{self, BufWriter},
    path::Path,
    sync::Arc,
};

use clap::error::ErrorKind;
use recompress::{
    SaveJson,
    save::{Game, Tokens, Words},
};

use crate::{
    CommandError,
    arguments::Json,
    failed, is_stdio, misuse,
    output::{NewFile, is_device, is_same_file, open_device},
    pump::{Input, run_steps},
};

/// Converts the save.
pub fn convert(arguments: &Json) -> Result<(), CommandError> {
    let Json { input, output, .. } = arguments;
    let options = arguments.options().unwrap_or_else(|error| misuse(ErrorKind::ValueValidation, error));
    if is_same_file(input, output) {
        let message = format!("{} is the input: name another output with -o", output.display());
        return Err(CommandError("same_file", message));
    }
    let tokens = arguments.tokens.as_deref().map(tokens).transpose()?;
    let source = Input::open(input)?;
    let mut save = SaveJson::new(options, (&arguments.limits).into())
        .with_member(arguments.member.clone())
        .with_words(Words { tokens, lookups: None })
        .with_game(game(input));
    if is_stdio(output) {
        run_steps(&mut save, source, io::stdout().lock(), output, true)?;
    } else if is_device(output) {
        run_steps(&mut save, source, open_device(output)?, output, true)?;
    } else {
        let file = NewFile::create(output, arguments.force)?;
        run_steps(&mut save, source, BufWriter::new(file.file()), output, true)?;
        file.keep().map_err(|error| failed("write", output, &error))?;
    }
    Ok(())
}

/// The game that a file's name shows.
pub fn game(path: &Path) -> Option<Game> {
    path.extension().and_then(|extension| Game::by_extension(extension.to_str()?))
}

/// The words of binary saves, from a file.
pub fn tokens(path: &Path) -> Result<Arc<Tokens>, CommandError> {
    let list = fs::read_to_string(path).map_err(|error| failed("read", path, &error))?;
    let tokens =
        Tokens::parse(&list).map_err(|error| CommandError("bad_tokens", format!("{}: {error}", path.display())))?;
    Ok(Arc::new(tokens))
}

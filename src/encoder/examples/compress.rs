//! A command line for measurements: `compress QUALITY LGWIN FILE [RESULT]` prints the size of the result, or writes it.

use std::{env, error::Error, fs};

use recompress_encoder::{Encoder, End, Options, Start};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, quality, lgwin, file, result @ ..] = &arguments[..] else {
        return Err("usage: compress QUALITY LGWIN FILE [RESULT]".into());
    };
    let options = Options { quality: quality.parse()?, lgwin: lgwin.parse()?, expected: None, start: Start::Stream };
    let input = fs::read(file)?;
    let mut encoder = Encoder::new(&options).map_err(|_| "there is no memory for the encoder")?;
    let mut room = vec![0; 1 << 16];
    let mut output = Vec::new();
    let mut rest = &input[..];
    while !rest.is_empty() {
        let encoded = encoder.write(rest, &mut room);
        rest = &rest[encoded.consumed..];
        output.extend_from_slice(&room[..encoded.produced]);
    }
    loop {
        let encoded = encoder.finish(End::Stream, &mut room);
        output.extend_from_slice(&room[..encoded.produced]);
        if encoded.finished {
            break;
        }
    }
    match result.first() {
        Some(path) => fs::write(path, output)?,
        None => println!("{}", output.len()),
    }
    Ok(())
}

//! The program of twenty lines: all of the zip in memory, then each member through `tar` to `brotli`.

use std::{env, fs, io};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [file, quality, lgwin] = env::args().skip(1).collect::<Vec<_>>().try_into().expect("FILE QUALITY LGWIN");
    let mut archive = zip::ZipArchive::new(io::Cursor::new(fs::read(file)?))?;
    let output = brotli::CompressorWriter::new(io::stdout().lock(), 64 << 10, quality.parse()?, lgwin.parse()?);
    let mut tarball = tar::Builder::new(output);
    for index in 0..archive.len() {
        let member = archive.by_index(index)?;
        let mut header = tar::Header::new_ustar();
        header.set_size(member.size());
        header.set_mode(0o644);
        let name = member.name()?.into_owned();
        tarball.append_data(&mut header, name, member)?;
    }
    drop(tarball.into_inner()?);
    Ok(())
}

//! Zips with one oddity each, driven through the converter in every way a caller may cut its input and its output.

mod bounded;
mod cases;
mod contents;
mod danger;
mod directory_first;
mod divided;
mod format_document;
mod fuzzing;
mod independent_writer;
mod inspection;
mod jail;
mod names;
mod properties;
mod report;
mod seekable;
mod selection;
mod shared_cases;
mod tarballs;
mod two_faces;

use recompress_testkit::{
    bodies, by_index, drivers, encoding, extra_field, methods, recipe, record, seekable_writer, stored_body, tarball,
    text, zip_writer,
};

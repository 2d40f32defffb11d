//! Zips with one oddity each, driven through the converter in every way a caller may cut its input and its output.

mod bounded;
mod cases;
mod danger;
mod directory_first;
mod fuzzing;
mod independent_writer;
mod inspection;
mod jail;
mod names;
mod properties;
mod report;
mod selection;
mod shared_cases;

use recompress_testkit::{bodies, drivers, encoding, extra_field, methods, recipe, record, tarball, zip_writer};

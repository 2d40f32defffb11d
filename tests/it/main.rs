//! Zips with one oddity each, driven through the converter in every way a caller may cut its input and its output.

mod cases;
#[cfg(feature = "cli")]
mod command_line;
mod danger;
mod drivers;
mod extra_field;
mod independent_writer;
mod jail;
mod properties;
mod record;
mod shared_cases;
mod tarball;
mod zip_writer;

//! The bodies of the fuzz targets, with what they share with the crate's tests.
#![allow(dead_code)]

pub mod bodies;
#[path = "../../tests/it/extra_field.rs"]
mod extra_field;
mod recipe;
#[path = "../../tests/it/record.rs"]
mod record;
#[path = "../../tests/it/tarball.rs"]
mod tarball;
#[path = "../../tests/it/zip_writer.rs"]
mod zip_writer;

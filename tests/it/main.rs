//! Zips with one oddity each, driven through the converter in every way a caller may cut its input and its output.

#[path = "../../fuzz/src/bodies.rs"]
mod bodies;
mod bounded;
mod cases;
#[cfg(feature = "cli")]
mod command_line;
mod danger;
mod drivers;
mod extra_field;
mod fuzzing;
mod independent_writer;
mod inspection;
mod jail;
mod properties;
#[path = "../../fuzz/src/recipe.rs"]
mod recipe;
mod record;
mod report;
mod selection;
mod shared_cases;
mod tarball;
mod zip_writer;

//! Tools that the tests and the fuzz targets share: zip writers, a tarball reader, fuzz bodies, an allocator that counts.

pub mod bodies;
pub mod by_index;
pub mod case;
pub mod counting;
pub mod drivers;
pub mod encoding;
pub mod extra_field;
pub mod methods;
pub mod recipe;
pub mod record;
pub mod save_body;
pub mod seekable_writer;
pub mod shared_cases;
pub mod stored_body;
pub mod tarball;
pub mod text;
pub mod zip_writer;

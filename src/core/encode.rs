//! Brotli: its parameters, its encoders, and the data that no encoder can shrink.

pub(crate) mod brotli;
mod engine;
mod incompressible;
pub(crate) mod metadata;
pub(crate) mod parameters;

//! Brotli: its parameters, its encoders, and the data that no encoder can shrink.

pub(crate) mod brotli;
pub(crate) mod engine;
pub(crate) mod incompressible;
pub(crate) mod parameters;
pub(crate) mod segments;

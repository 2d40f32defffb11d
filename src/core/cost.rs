//! The cost of a conversion, in tables of measurements: CPU time, memory, and the size of the result.

pub(crate) mod cpu;
pub(crate) mod encoders;
pub(crate) mod memory;
pub(crate) mod size;

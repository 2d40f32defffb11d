//! Tests of the save converter: fixed cases, random saves against jomini, limits.

mod binary;
mod cases;
mod common;
mod container;
mod limits;
mod metadata;
mod random;
mod real;
mod select;

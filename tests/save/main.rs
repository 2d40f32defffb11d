//! Saves through the converter: by cases, at random against jomini, at the limits.

mod binary;
mod cases;
mod common;
mod container;
mod limits;
mod metadata;
mod random;
mod real;
mod select;

//! The build script, which links the browser's wasm with more memory than an isolate has.
//!
//! RUSTFLAGS say how much the Worker may have, and must be the same for both, or the encoder would be compiled twice. What
//! a build script says comes after them, and of two limits the last counts.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_wasm = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    if is_wasm {
        // Bytes: all that 32 bits can address.
        println!("cargo::rustc-link-arg-cdylib=--max-memory={}", 1_u64 << 32);
    }
}

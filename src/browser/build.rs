//! The build script: it links the browser's wasm with more memory than an isolate has.
//!
//! RUSTFLAGS set the Worker's limit. They must be equal for both, or the encoder would be compiled twice. A build script's
//! link arguments come later, and the last limit wins.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_wasm = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    if is_wasm {
        // Bytes: the whole address space of 32 bits.
        println!("cargo::rustc-link-arg-cdylib=--max-memory={}", 1_u64 << 32);
    }
}

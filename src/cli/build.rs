//! The build script: with the feature `page`, it lists the files of the page for `serve/page.rs` to compile in.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// Where `make page` puts the page, from this crate's folder.
const PAGE: &str = "../../build/assets";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_PAGE").is_none() {
        return;
    }
    let root = fs::canonicalize(PAGE).unwrap_or_else(|error| panic!("no page in {PAGE}: {error}; run make page"));
    println!("cargo::rerun-if-changed={}", root.display());
    let mut list = String::from("&[\n");
    for file in files(&root) {
        let path = file.strip_prefix(&root).expect("it is inside").to_str().expect("our names are ASCII");
        writeln!(list, "    ({path:?}, include_bytes!({file:?})),").expect("writing to a string never fails");
    }
    list.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("page.rs"), list).expect("cargo's own folder can be written");
}

/// The files in `folder` and below it, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder is there").path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

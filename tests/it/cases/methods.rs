//! The compression methods beside stored and deflate (APPNOTE §4.4.5).

use recompress::Limits;

use super::{A, B, Case, a, a_out, accept, b, b_out, refuse};
use crate::{
    drivers::{self, check},
    methods::{self, ALL, BZIP2, DEFLATE64, HAS_END_MARKER, LZMA, XZ, ZSTD, compress},
    tarball::file,
    zip_writer::{Claims, Descriptor, Member, archive, stored},
};

/// Streams of real programs: `fixtures/README.md`.
const TEXT_BZ2: &[u8] = include_bytes!("../../../fixtures/methods/text.bz2");
const TEXT_LZMA: &[u8] = include_bytes!("../../../fixtures/methods/text.lzma");
const TEXT_XZ: &[u8] = include_bytes!("../../../fixtures/methods/text.xz");
const TEXT_ZSTD: &[u8] = include_bytes!("../../../fixtures/methods/text.zst");
const X86_XZ: &[u8] = include_bytes!("../../../fixtures/methods/x86.xz");
const DELTA_ARM_XZ: &[u8] = include_bytes!("../../../fixtures/methods/delta-arm.xz");
const BLOCKS_XZ: &[u8] = include_bytes!("../../../fixtures/methods/blocks.xz");
const SHA256_XZ: &[u8] = include_bytes!("../../../fixtures/methods/sha256.xz");
const BLOCKS_ZSTD: &[u8] = include_bytes!("../../../fixtures/methods/blocks.zst");

pub fn rows() -> Vec<Case> {
    [ours(), filters(), limits(), broken()].into_iter().flatten().collect()
}

/// Rows of the size of real members.
pub fn large() -> Vec<Case> {
    let text = text();
    let blocks = A.repeat(400);
    let mut rows: Vec<_> = [(BZIP2, TEXT_BZ2), (LZMA, TEXT_LZMA), (XZ, TEXT_XZ), (ZSTD, TEXT_ZSTD)]
        .into_iter()
        .flat_map(|(method, data)| {
            let flags = if method == LZMA { HAS_END_MARKER } else { 0 };
            let member = Member { method, flags, data: Some(data.to_vec()), ..stored(b"text", &text) };
            let described = Member { descriptor: Descriptor::Signed32, ..member.clone() };
            [
                accept(format!("method-{method}-real"), [member, b()], [file("text", &text), b_out()]),
                accept(format!("method-{method}-real-dd"), [described, b()], [file("text", &text), b_out()]),
            ]
        })
        .collect();
    let member = Member { method: ZSTD, data: Some(BLOCKS_ZSTD.to_vec()), ..stored(b"blocks", &blocks) };
    rows.push(accept("method-93-blocks", [member], [file("blocks", &blocks)]));
    // A match of deflate64 is longer than all of deflate's window.
    let zeros = vec![0; 200_000];
    let member = Member { method: DEFLATE64, data: Some(methods::deflate64(&zeros)), ..stored(b"zeros", &zeros) };
    rows.push(accept("method-9-long-matches", [member], [file("zeros", &zeros)]));
    rows
}

fn text() -> Vec<u8> {
    (0..4000).map(|line| format!("line {line} is {}\n", line * 7919 % 1000)).collect::<String>().into_bytes()
}

/// Contents of about the size of [`A`] with a long run in them.
fn contents() -> &'static [u8] {
    static CONTENTS: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| [&A[..100], &[b'x'; 700], &B[..300]].concat());
    &CONTENTS
}

fn member(method: u16) -> Member<'static> {
    let flags = if method == LZMA { HAS_END_MARKER } else { 0 };
    Member { method, flags, data: Some(compress(method, contents())), ..stored(b"m", contents()) }
}

fn ours() -> Vec<Case> {
    let out = || [file("m", contents()), a_out()];
    let empty = |method| Member { data: Some(compress(method, b"")), ..Member { contents: b"", ..member(method) } };
    let mut rows: Vec<_> = ALL
        .into_iter()
        .flat_map(|method| {
            let with = |descriptor| [Member { descriptor, ..member(method) }, a()];
            let size_alone = Claims { size: Some(contents().len() as u32), ..Claims::default() };
            let sized = Member { local: size_alone, descriptor: Descriptor::Signed32, ..member(method) };
            vec![
                accept(format!("method-{method}"), [member(method), a()], out()),
                accept(format!("method-{method}-dd"), with(Descriptor::Signed32), out()),
                accept(format!("method-{method}-dd-unsigned"), with(Descriptor::Unsigned32), out()),
                accept(format!("method-{method}-dd-wide"), with(Descriptor::Signed64), out()),
                accept(format!("method-{method}-dd-size-in-header"), [sized, a()], out()),
                accept(format!("method-{method}-empty"), [empty(method), a()], [file("m", b""), a_out()]),
                accept(
                    format!("method-{method}-without-data"),
                    [Member { data: Some(Vec::new()), ..empty(method) }, a()],
                    [file("m", b""), a_out()],
                ),
            ]
        })
        .collect();
    let without_marker = Member { flags: 0, data: Some(methods::lzma(contents(), false)), ..member(LZMA) };
    rows.push(accept("method-14-without-marker", [without_marker.clone(), a()], out()));
    // Nothing says where it ends.
    let described = Member { descriptor: Descriptor::Signed32, ..without_marker };
    rows.push(refuse("method-14-without-marker-dd", [described], "bad_data"));
    let windowed = Member { data: Some(methods::zstd(contents(), false)), ..member(ZSTD) };
    rows.push(accept("method-93-window", [windowed, a()], out()));
    rows
}

/// Calls of x86, which filters rewrite.
fn calls() -> &'static [u8] {
    static CALLS: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        (0..512_u32).flat_map(|call| [&b"\xe8"[..], &(call * 16).to_le_bytes(), b"\x90\x90\x90"].concat()).collect()
    });
    &CALLS
}

/// Streams of xz with filters, with several blocks, and with a check of another kind.
fn filters() -> Vec<Case> {
    let xz = |data: &[u8]| Member { method: XZ, data: Some(data.to_vec()), ..stored(b"m", calls()) };
    let described = |data| Member { descriptor: Descriptor::Signed32, ..xz(data) };
    let mut rows: Vec<_> = [("blocks", BLOCKS_XZ)]
        .into_iter()
        .flat_map(|(name, data)| {
            let out = || [file("m", calls()), a_out()];
            [
                accept(format!("method-95-{name}"), [xz(data), a()], out()),
                accept(format!("method-95-{name}-dd"), [described(data), a()], out()),
            ]
        })
        .collect();
    // liblzma refuses more than 16 literal contexts as well.
    let mut contexts = compress(LZMA, contents());
    contexts[4] = 5;
    rows.push(refuse(
        "method-14-literal-contexts",
        [Member { data: Some(contexts), ..member(LZMA) }],
        "unsupported_method",
    ));
    rows.push(refuse("method-95-sha256", [xz(SHA256_XZ), a()], "unsupported_method"));
    for (name, data) in [("x86", X86_XZ), ("delta-arm", DELTA_ARM_XZ)] {
        rows.push(refuse(format!("method-95-{name}"), [xz(data), a()], "unsupported_method"));
        rows.push(refuse(format!("method-95-{name}-dd"), [described(data), a()], "unsupported_method"));
    }
    rows
}

/// Whole, truncated and damaged streams, for the fuzz targets to start from.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let text = text();
    let real = [(BZIP2, TEXT_BZ2), (LZMA, TEXT_LZMA), (XZ, TEXT_XZ), (ZSTD, TEXT_ZSTD)];
    let real = real.map(|(method, data)| (method, data.to_vec(), &text[..]));
    let ours = ALL.map(|method| (method, compress(method, contents()), contents()));
    let mut seeds = Vec::new();
    for (method, data, contents) in real.into_iter().chain(ours) {
        let damaged = (1..8).map(|part| {
            let mut data = data.clone();
            let at = data.len() * part / 8;
            data[at] ^= 1 << part;
            data
        });
        let cut = (1..8).map(|part| data[..data.len() * part / 8].to_vec());
        let forms = [data.clone()].into_iter().chain(damaged).chain(cut);
        for (number, data) in forms.enumerate() {
            for descriptor in [Descriptor::Absent, Descriptor::Signed32] {
                let (length, data) = (data.len(), Some(data.clone()));
                let described = matches!(descriptor, Descriptor::Signed32);
                let flags = if method == LZMA { HAS_END_MARKER } else { 0 };
                let member = Member { method, flags, data, descriptor, ..stored(b"m", contents) };
                let name = format!("method-{method}-seed-{number}-{length}-{described}");
                seeds.push((name, archive([member, a()]).bytes()));
            }
        }
    }
    seeds
}

fn limits() -> Vec<Case> {
    let data = methods::zstd(contents(), false);
    // A window of 128 KiB; the contents need 1,100 bytes of it.
    let unsized_zstd = Member { data: Some(data.clone()), descriptor: Descriptor::Signed32, ..member(ZSTD) };
    let lzma = Member { descriptor: Descriptor::Signed32, ..member(LZMA) };
    let at = |window_bytes, case: Case| Case { limits: Limits { window_bytes, ..Limits::default() }, ..case };
    let name = |what: &str| format!("limit-window-{what}");
    let (m, kib) = (|| [file("m", contents())], 1 << 10);
    vec![
        at(128 * kib, accept(name("93"), [unsized_zstd.clone()], m())),
        at(128 * kib - 1, refuse(name("93-exceeded"), [unsized_zstd], "memory_limit")),
        at(64 * kib, accept(name("14"), [lzma.clone()], m())),
        at(64 * kib - 1, refuse(name("14-exceeded"), [lzma], "memory_limit")),
        at(64 * kib, accept(name("95"), [member(XZ)], m())),
        at(64 * kib - 1, refuse(name("95-exceeded"), [member(XZ)], "memory_limit")),
        // A window is no larger than what is in it.
        at(4 * kib, accept(name("93-declared"), [Member { data: Some(data), ..member(ZSTD) }], m())),
        at(4 * kib, accept(name("14-declared"), [member(LZMA)], m())),
    ]
}

fn broken() -> Vec<Case> {
    ALL.into_iter()
        .flat_map(|method| {
            let whole = compress(method, contents());
            let with = |data: Vec<u8>| [Member { data: Some(data), ..member(method) }, a()];
            let described = |data| with(data).map(|member| Member { descriptor: Descriptor::Signed32, ..member });
            let [half, cut] = [whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec());
            vec![
                refuse(
                    format!("method-{method}-junk"),
                    with(b"\x07\x02\x03\x04\x05\x06\x07\x08".repeat(8)),
                    "bad_data",
                ),
                refuse(format!("method-{method}-half"), with(half), "bad_data"),
                refuse(format!("method-{method}-cut"), with(cut), "bad_data"),
                refuse(format!("method-{method}-followed"), with([&whole[..], b"XXXX"].concat()), "size_mismatch"),
                refuse(
                    format!("method-{method}-followed-dd"),
                    described([&whole[..], b"XXXX"].concat()),
                    "bad_descriptor",
                ),
            ]
        })
        .collect()
}

#[test]
fn every_method_is_read_and_its_damage_is_found() {
    check(&rows(), drivers::ALL);
}

#[test]
fn streams_of_real_programs_are_read() {
    check(&large(), drivers::LARGE);
}

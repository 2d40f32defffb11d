//! From a fuzzer's bytes to a zip.
//!
//! Bytes that are changed at random nearly always end at a checksum, or where the directory repeats what a header said.
//! So an input that starts with [`MARKER`] is not a zip but a recipe for one: its bytes choose members, their records
//! and what is odd about them, and the tests' own writer makes the archive, with every checksum, size and offset right
//! that the recipe does not make wrong. Compressed data is changed first and then unpacked by another inflater, to
//! know which contents to claim. At the end a few bytes may be changed after all. Every other input is taken as it is.

use crate::{
    extra_field, methods,
    record::Record,
    zip_writer::{
        Archive, Claims, Descriptor, EndClaims, IN_ZIP64, Member, Origin, UTF8, Zip64, archive, deflate,
        deflate_stored_block, stored,
    },
};

/// Neither a zip nor a save header starts with this byte.
pub const MARKER: u8 = 0xa5;

/// The zip that `input` describes.
pub fn zip(input: &[u8]) -> Vec<u8> {
    match input {
        [MARKER, recipe @ ..] => cook(&mut Choices(recipe)),
        zip => zip.to_vec(),
    }
}

/// The rest of a recipe. When it is empty, every choice is the first one.
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    /// A number that is mostly small, or near a power of two.
    fn size(&mut self) -> u64 {
        match self.byte() {
            small @ 0..200 => small.into(),
            exponent => (1u64 << (exponent % 64)).wrapping_add_signed(i64::from(self.byte() as i8)),
        }
    }

    /// True in one of `of` cases, and never once nothing is left.
    pub(crate) fn one_in(&mut self, of: u8) -> bool {
        self.byte() % of == of - 1
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }
}

/// Bytes that members borrow from.
struct Parts {
    name: Vec<u8>,
    other_name: Vec<u8>,
    contents: Vec<u8>,
    comment: Vec<u8>,
    before: Vec<u8>,
}

fn cook(choices: &mut Choices) -> Vec<u8> {
    let count = choices.below(7);
    let parts: Vec<Parts> = (0..count).map(|index| parts(choices, index)).collect();
    let members: Vec<Member<'_>> = parts.iter().map(|parts| member(choices, parts)).collect();

    let prefix = match choices.byte() % 16 {
        15 => choices.bytes(40),
        14 => b"PK\x07\x08".to_vec(),
        13 => {
            let metadata = choices.bytes(20);
            let version = 1 + choices.below(2);
            let added = if version == 2 && !choices.one_in(3) { "00000000" } else { "" };
            let line = format!("SAV0{version}02a40f789f{:08x}{added}\n", metadata.len());
            [line.as_bytes(), &metadata].concat()
        }
        _ => Vec::new(),
    };
    let before_directory = between(choices);
    let after_directory = match choices.byte() % 16 {
        15 => choices.bytes(12),
        14 => Record::new().bytes(b"PK\x05\x05").counted(&choices.bytes(12)).done(),
        _ => Vec::new(),
    };
    let order = choices.one_in(8).then(|| {
        let listed = choices.below(count + 2);
        (0..listed).map(|_| choices.below(count.max(1))).filter(|&index| index < count).collect()
    });
    let extensible_data = if choices.one_in(16) { choices.bytes(9) } else { Vec::new() };
    let comment = if choices.one_in(6) { text(choices) } else { Vec::new() };
    let trailing = match choices.byte() % 12 {
        11 => choices.bytes(30),
        10 => vec![0; choices.below(256)],
        _ => Vec::new(),
    };
    let lie = |choices: &mut Choices| choices.one_in(24).then(|| choices.size());
    let end = EndClaims {
        members: lie(choices),
        directory_size: lie(choices),
        directory_offset: lie(choices),
        disk: if choices.one_in(48) { choices.u16() } else { 0 },
        directory_disk: if choices.one_in(48) { choices.u16() } else { 0 },
    };
    let zip64 = match choices.byte() % 8 {
        7 => Zip64::Needed,
        6 => Zip64::Needless,
        _ => Zip64::Absent,
    };
    let mut zip = Archive {
        prefix: &prefix,
        origin: if choices.one_in(2) { Origin::Zip } else { Origin::File },
        before_directory: &before_directory,
        directory_order: order,
        after_directory: &after_directory,
        zip64,
        extensible_data: &extensible_data,
        end,
        comment: &comment,
        trailing: &trailing,
        ..archive(members)
    }
    .bytes();
    if choices.one_in(4) {
        edit(choices, &mut zip);
    }
    zip
}

fn parts(choices: &mut Choices, index: usize) -> Parts {
    let name = name(choices, index);
    let other_name = if choices.one_in(2) { choices.bytes(name.len()) } else { self::name(choices, index) };
    Parts {
        other_name,
        contents: if name.ends_with(b"/") && !choices.one_in(8) { Vec::new() } else { text(choices) },
        comment: if choices.one_in(12) { text(choices) } else { Vec::new() },
        before: if choices.one_in(12) { between(choices) } else { Vec::new() },
        name,
    }
}

fn name(choices: &mut Choices, index: usize) -> Vec<u8> {
    const SHAPES: [&[u8]; 22] = [
        b"f",
        b"d/",
        b"d/f",
        b"d/e/f",
        b"./f",
        b"d//f",
        b"d/./",
        b"d\\f",
        b"d\\",
        "é".as_bytes(),
        b"caf\x82",
        b"f?",
        b"F",
        b"..",
        b"d/../f",
        b"/f",
        b"C:f",
        b"f/\\g",
        b"",
        b"\0",
        "\u{202e}f".as_bytes(),
        b"__leading_data",
    ];
    let mut name = match choices.byte() {
        255 => choices.bytes(40),
        254 => [b"d/".repeat(choices.below(160)), b"f".to_vec()].concat(),
        253 => vec![b'n'; 2 * choices.below(256)],
        // Plain shapes are likelier than odd ones.
        shape if shape < 128 => SHAPES[usize::from(shape) % 4].to_vec(),
        shape => SHAPES[usize::from(shape) % SHAPES.len()].to_vec(),
    };
    // Mostly no two alike.
    if !choices.one_in(16) && !name.is_empty() {
        name.insert(0, b'0' + index as u8);
    }
    name
}

/// Bytes of any kind: contents, comments.
fn text(choices: &mut Choices) -> Vec<u8> {
    const SIGNATURES: [&[u8]; 8] = [
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x07\x08",
        b"PK\x05\x06",
        b"PK\x06\x06",
        b"PK\x06\x07",
        b"PK\x06\x08",
        b"PK\x05\x05",
    ];
    let mut text = Vec::new();
    for _ in 0..choices.below(5) {
        match choices.byte() % 8 {
            0 | 1 => text.extend(choices.bytes(64)),
            2 => text.extend(vec![choices.byte(); 16 * usize::from(choices.byte())]),
            3 => text.extend(SIGNATURES[choices.below(8)]),
            // A descriptor of just the bytes before it.
            4 => {
                let size = text.len();
                let record = Record::new().bytes(if choices.one_in(2) { b"PK\x07\x08" } else { b"" });
                let record = record.u32(crc32fast::hash(&text));
                text.extend(if choices.one_in(2) {
                    record.u64(size as u64).u64(size as u64).done()
                } else {
                    record.u32(size as u32).u32(size as u32).done()
                });
                text.extend(SIGNATURES[choices.below(8)]);
            }
            5 => text.extend(stored(b"f", b"in").local_header()),
            6 => text.extend(archive([stored(b"f", b"in")]).bytes()),
            _ => text.extend([0; 9]),
        }
    }
    text
}

/// Bytes between members, allowed or not.
fn between(choices: &mut Choices) -> Vec<u8> {
    match choices.byte() % 16 {
        15 => choices.bytes(20),
        14 => vec![0; choices.below(256)],
        13 => Record::new().bytes(b"PK\x06\x08").u32(3).bytes(b"xyz").done(),
        12 => {
            let (size, zeros) = (24 + choices.below(100) as u64, choices.below(9));
            let block = vec![7; size as usize - 24];
            Record::new().bytes(&vec![0; zeros]).u64(size).bytes(&block).u64(size).bytes(b"APK Sig Block 42").done()
        }
        11 => stored(b"", b"").local_header(),
        _ => Vec::new(),
    }
}

fn member<'a>(choices: &mut Choices, parts: &'a Parts) -> Member<'a> {
    let mut member = Member { comment: &parts.comment, before: &parts.before, ..stored(&parts.name, &parts.contents) };
    member.method = match choices.byte() % 32 {
        31 => choices.byte().into(),
        method @ 26..31 => methods::ALL[usize::from(method) - 26],
        method => method as u16 % 2 * 8,
    };
    member.flags = match choices.byte() % 16 {
        15 => choices.u16(),
        12..15 => UTF8,
        _ => 0,
    };
    member.descriptor = match choices.byte() % 12 {
        0..6 => Descriptor::Absent,
        6 | 7 => Descriptor::Signed32,
        8 => Descriptor::Signed64,
        9 => Descriptor::Unsigned32,
        10 => Descriptor::Unsigned64,
        _ => Descriptor::Raw(choices.bytes(24)),
    };
    member.modified = if choices.one_in(2) { (choices.u16(), choices.u16()) } else { member.modified };
    member.extra = extra(choices, parts);
    member.directory_extra = if choices.one_in(2) { member.extra.clone() } else { extra(choices, parts) };
    member.external_attributes = if choices.one_in(4) { choices.u32() } else { member.external_attributes };
    member.disk = if choices.one_in(64) { choices.u16() } else { 0 };
    member.in_local = !choices.one_in(48);
    member.in_directory = !choices.one_in(48);
    if methods::ALL.contains(&member.method) {
        rarer(choices, &mut member);
    }
    if member.method == 8 && choices.one_in(3) {
        member.data = Some(compressed(choices, &parts.contents));
    }
    if choices.one_in(6) {
        in_zip64(choices, &mut member);
    }
    if choices.one_in(8) {
        lie(choices, &mut member.local, &parts.other_name);
    }
    if choices.one_in(8) {
        lie(choices, &mut member.directory, &parts.other_name);
    }
    if choices.one_in(16) {
        // Both headers have the same wrong value, or the local header already has the descriptor's values.
        lie(choices, &mut member.local, &parts.other_name);
        member.directory = Claims { offset: member.directory.offset, ..member.local };
    }
    unpacked(&mut member);
    member
}

fn extra(choices: &mut Choices, parts: &Parts) -> Vec<u8> {
    let mut extra = Vec::new();
    for _ in 0..choices.below(12).saturating_sub(8) {
        extra.extend(match choices.byte() % 8 {
            0 => extra_field::extended_timestamp(choices.byte(), &[choices.u32() as i32]),
            1 => extra_field::ntfs(u64::from(choices.u32()) << 26),
            2 => {
                extra_field::unicode_path(1, crc32fast::hash(&parts.name), &String::from_utf8_lossy(&parts.other_name))
            }
            3 => extra_field::zip64(&[choices.size(), choices.size(), choices.size()][..choices.below(4)]),
            4 => extra_field::asi_unix(choices.u16()),
            5 => extra_field::libarchive(choices.u16(), choices.u32()),
            6 => extra_field::field(choices.u16(), &choices.bytes(20)),
            _ => choices.bytes(8),
        });
    }
    extra
}

/// Compresses by one of the rarer methods, and may damage the data.
fn rarer(choices: &mut Choices, member: &mut Member<'_>) {
    let has_end_marker = !choices.one_in(4);
    let mut data = match member.method {
        methods::LZMA => methods::lzma(member.contents, has_end_marker),
        methods::ZSTD => methods::zstd(member.contents, has_end_marker),
        method => methods::compress(method, member.contents),
    };
    if has_end_marker != choices.one_in(8) {
        member.flags |= methods::HAS_END_MARKER;
    }
    if choices.one_in(4) {
        edit(choices, &mut data);
    }
    member.data = Some(data);
}

/// Compressed data that `contents` may or may not be packed in.
fn compressed(choices: &mut Choices, contents: &[u8]) -> Vec<u8> {
    match choices.byte() % 4 {
        0 => {
            let mut data = deflate(contents);
            edit(choices, &mut data);
            data
        }
        1 => choices.bytes(200),
        2 => {
            // Blocks of any length, also of none.
            let mut data: Vec<u8> =
                contents.chunks(1 + choices.below(99)).flat_map(|piece| deflate_stored_block(piece, false)).collect();
            data.extend(deflate_stored_block(b"", false).repeat(choices.below(4)));
            data.extend(deflate_stored_block(b"", true));
            data
        }
        _ => [deflate(contents), choices.bytes(4)].concat(),
    }
}

/// Gives the sizes of both records, or the directory's offset, in zip64 fields.
fn in_zip64(choices: &mut Choices, member: &mut Member<'_>) {
    let sizes = [member.contents.len() as u64, member.data().len() as u64];
    let claims = Claims { compressed_size: Some(IN_ZIP64), size: Some(IN_ZIP64), ..Claims::default() };
    if !choices.one_in(3) {
        member.local = claims;
        member.extra.extend(extra_field::zip64(&sizes));
    }
    if !choices.one_in(3) {
        member.directory = claims;
        member.directory_extra.extend(extra_field::zip64(&sizes));
    }
}

fn lie<'a>(choices: &mut Choices, claims: &mut Claims<'a>, other_name: &'a [u8]) {
    match choices.byte() % 7 {
        0 => claims.name = Some(other_name),
        1 => claims.flags = Some(choices.u16()),
        2 => claims.method = Some(choices.byte().into()),
        3 => claims.crc32 = Some(choices.u32()),
        4 => claims.compressed_size = Some(choices.size() as u32),
        5 => claims.size = Some(choices.size() as u32),
        _ => claims.offset = Some(choices.size() as u32),
    }
}

/// Sets a member's claims to the result of another inflater on its changed data.
fn unpacked(member: &mut Member<'_>) {
    let Some(data) = &member.data else { return };
    if member.method != 8 {
        return;
    }
    let Ok(contents) = miniz_oxide::inflate::decompress_to_vec_with_limit(data, 1 << 20) else { return };
    let (crc32, size) = (crc32fast::hash(&contents), contents.len() as u32);
    for claims in [&mut member.local, &mut member.directory] {
        claims.crc32 = claims.crc32.or(Some(crc32));
        claims.size = claims.size.or(Some(size));
    }
    if let Descriptor::Raw(_) | Descriptor::Absent = member.descriptor {
        return;
    }
    // Values in a descriptor are zero in the header.
    member.local.crc32 = Some(0);
    member.local.size = Some(0);
    let record = Record::new().bytes(b"PK\x07\x08").u32(crc32).u32(data.len() as u32).u32(size);
    member.descriptor = Descriptor::Raw(record.done());
}

/// Changes, inserts or cuts off a few bytes.
fn edit(choices: &mut Choices, bytes: &mut Vec<u8>) {
    for _ in 0..=choices.below(3) {
        let at = usize::from(choices.u16()) % (bytes.len() + 1);
        match choices.byte() % 8 {
            7 => bytes.truncate(at),
            6 => drop(bytes.splice(at..at, choices.bytes(8))),
            5 => drop(bytes.splice(at..(at + choices.below(8)).min(bytes.len()), [])),
            _ => {
                let change = choices.byte();
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= change);
            }
        }
    }
}

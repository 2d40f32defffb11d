//! Extra fields of local headers and directory records (APPNOTE §4.5, Info-ZIP's `extrafld.txt`).

use crate::record::Record;

/// One field: its id, its length, its bytes.
pub fn field(id: u16, bytes: &[u8]) -> Vec<u8> {
    Record::new().u16(id).counted(bytes).done()
}

/// 0x0001: whichever of size, compressed size and offset the header says are here (APPNOTE §4.5.3).
pub fn zip64(values: &[u64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    field(0x0001, &bytes)
}

/// 0x000a: time of modification in 100 ns since 1601, the other two times alike (APPNOTE §4.5.5).
pub fn ntfs(ticks: u64) -> Vec<u8> {
    ntfs_attribute(1, ticks)
}

/// As [`ntfs`], with another attribute tag: only tag 1 means times.
pub fn ntfs_attribute(tag: u16, ticks: u64) -> Vec<u8> {
    field(0x000a, &Record::new().u32(0).u16(tag).u16(24).u64(ticks).u64(ticks).u64(ticks).done())
}

/// 0x5455: the times whose bits are set in `flags`, in the order modification, access, creation.
pub fn extended_timestamp(flags: u8, times: &[i32]) -> Vec<u8> {
    let times: Vec<u8> = times.iter().flat_map(|time| time.to_le_bytes()).collect();
    field(0x5455, &Record::new().u8(flags).bytes(&times).done())
}

/// 0x5855, Info-ZIP's first Unix field: times of access and modification.
pub fn unix1(accessed: u32, modified: u32) -> Vec<u8> {
    field(0x5855, &Record::new().u32(accessed).u32(modified).done())
}

/// 0x7855, Info-ZIP's second Unix field: owner and group, no times.
pub fn unix2(owner: u16, group: u16) -> Vec<u8> {
    field(0x7855, &Record::new().u16(owner).u16(group).done())
}

/// 0x7875, Info-ZIP's third Unix field: owner and group, no times.
pub fn unix3(owner: u32, group: u32) -> Vec<u8> {
    field(0x7875, &Record::new().u8(1).u8(4).u32(owner).u8(4).u32(group).done())
}

/// 0x756e, ASi Unix: a mode, guarded by a CRC-32 of its own.
pub fn asi_unix(mode: u16) -> Vec<u8> {
    let guarded = asi_unix_guarded(mode);
    asi_unix_with_crc(mode, crc32fast::hash(&guarded))
}

/// As [`asi_unix`], with the CRC-32 chosen.
pub fn asi_unix_with_crc(mode: u16, crc32: u32) -> Vec<u8> {
    field(0x756e, &Record::new().u32(crc32).bytes(&asi_unix_guarded(mode)).done())
}

/// Mode, length of the link's target, owner, group.
fn asi_unix_guarded(mode: u16) -> Vec<u8> {
    Record::new().u16(mode).u32(0).u16(1000).u16(1000).done()
}

/// 0x6c78, libarchive's copy of fields that only the directory has: version made by, internal and external attributes.
pub fn libarchive(made_by: u16, external_attributes: u32) -> Vec<u8> {
    field(0x6c78, &Record::new().u8(0b111).u16(made_by).u16(0).u32(external_attributes).done())
}

/// 0x7075: the name in UTF-8, valid while the raw name has the CRC-32 given (APPNOTE §4.6.9).
pub fn unicode_path(version: u8, raw_name_crc32: u32, name: &str) -> Vec<u8> {
    field(0x7075, &Record::new().u8(version).u32(raw_name_crc32).bytes(name.as_bytes()).done())
}

/// 0x9901: AES encryption (WinZip's AE-2, 256 bits) of data that was deflated before.
pub fn aes() -> Vec<u8> {
    field(0x9901, &Record::new().u16(2).bytes(b"AE").u8(3).u16(8).done())
}

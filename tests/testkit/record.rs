//! A record's bytes, written field by field in little-endian order.

#[derive(Clone, Default)]
pub struct Record(Vec<u8>);

impl Record {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    pub fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Bytes after their own length in 16 bits.
    pub fn counted(self, bytes: &[u8]) -> Self {
        self.u16(length16(bytes)).bytes(bytes)
    }

    pub fn done(self) -> Vec<u8> {
        self.0
    }
}

pub fn length16(bytes: &[u8]) -> u16 {
    bytes.len().try_into().expect("a field of 65,535 bytes at most")
}

pub fn length32(bytes: &[u8]) -> u32 {
    bytes.len().try_into().expect("test data below 4 GiB")
}

//! Limits on one archive, and the meter that enforces the memory limit.

use crate::error::{Error, Limit};

const MIB: u64 = 1 << 20;

/// An archive of at most this many bytes is small: it is received whole before its conversion, and its answer begins when the
/// conversion has ended.
pub const SMALL_ARCHIVE_BYTES: u64 = 4 * MIB;

/// Limits on one archive. Plain data: change any field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Number of members, nameless ones included.
    pub entries: u64,
    /// Total size of all contents in bytes.
    pub unpacked_bytes: u64,
    /// Unpacked bytes per byte of the zip, checked after each member once more than [`Limits::RATIO_GRACE`] bytes are
    /// unpacked. Deflate reaches 1,032.
    pub ratio: u64,
    /// Bytes of one member, as stored in the zip, that may be held back while its size is unknown.
    pub held_bytes: u64,
    /// Length of a member's name in bytes, both raw and decoded. Values above 32 KiB count as 32 KiB.
    pub name_bytes: u64,
    /// Memory of one conversion without its encoder, in bytes: held members, names, directory records.
    pub memory_bytes: u64,
    /// Window of a member's zstd, lzma or xz decoder, in bytes. It counts towards `memory_bytes`.
    pub window_bytes: u64,
    /// CPU time in milliseconds. It is counted, not measured: bytes times their cost in the Worker. A measurement is
    /// not possible everywhere and would differ from run to run.
    pub cpu_ms: u64,
}

impl Limits {
    /// [`Limits::ratio`] is not checked up to this many unpacked bytes, 64 MiB: a small output can do no harm.
    pub const RATIO_GRACE: u64 = 64 * MIB;

    /// One request's share of a 128 MB isolate.
    pub const WORKER: Self = Self {
        entries: 1 << 17,
        unpacked_bytes: 4096 * MIB,
        ratio: 250,
        held_bytes: 24 * MIB,
        name_bytes: 4096,
        memory_bytes: 26 * MIB,
        window_bytes: 8 * MIB,
        cpu_ms: 25_000,
    };

    /// A browser tab, where wasm can have 4 GiB. CPU time is not limited.
    pub const BROWSER: Self =
        Self { entries: 1 << 20, held_bytes: 512 * MIB, memory_bytes: 1024 * MIB, ..Self::NATIVE };

    /// The user's own machine.
    pub const NATIVE: Self = Self {
        entries: 1 << 24,
        unpacked_bytes: u64::MAX,
        ratio: u64::MAX,
        held_bytes: 1024 * MIB,
        name_bytes: 4096,
        memory_bytes: 4096 * MIB,
        window_bytes: 256 * MIB,
        cpu_ms: u64::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::WORKER
    }
}

/// The only memory counter. Everything that grows with the input is charged here before it grows.
#[derive(Debug)]
pub(crate) struct Meter {
    charged: u64,
    limit: u64,
}

impl Meter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { charged: 0, limit }
    }

    /// Charges `bytes`, or fails if the limit would be exceeded.
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), Error> {
        let wanted = self.charged.saturating_add(bytes);
        if wanted > self.limit {
            return Err(Limit::Memory { wanted, limit: self.limit }.into());
        }
        self.charged = wanted;
        Ok(())
    }

    /// Releases bytes that were charged.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.charged = self.charged.checked_sub(bytes).expect("only what was charged is released");
    }

    /// Bytes that may be charged.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes charged now.
    pub(crate) fn charged(&self) -> u64 {
        self.charged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_up_to_the_limit_fits_and_one_byte_more_does_not() {
        let mut meter = Meter::new(100);
        meter.charge(60).unwrap();
        meter.charge(40).unwrap();
        assert_eq!(meter.charge(1).unwrap_err().code(), "memory_limit");
        meter.release(100);
        meter.charge(100).unwrap();
        assert_eq!(meter.charged(), 100);
    }

    #[test]
    fn a_refused_charge_takes_nothing() {
        let mut meter = Meter::new(100);
        meter.charge(101).unwrap_err();
        meter.charge(u64::MAX).unwrap_err();
        meter.charge(100).unwrap();
    }
}

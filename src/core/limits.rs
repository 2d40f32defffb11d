//! The bounds an archive must stay within, and the meter that holds memory to its own.

use crate::error::{Error, Limit};

const MIB: u64 = 1 << 20;

/// Bounds on what one archive may ask for. Plain data: change what you need to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members, the central directory's and nameless ones alike.
    pub entries: u64,
    /// Contents of all members together, in bytes.
    pub unpacked_bytes: u64,
    /// Unpacked bytes for each byte of the zip, member by member from the start; asked once more than
    /// [`Limits::RATIO_GRACE`] bytes are unpacked. Deflate reaches 1,032.
    pub ratio: u64,
    /// What one member may hold back, as it stands in the zip, while its size is not known yet, in bytes.
    pub held_bytes: u64,
    /// A member's name in bytes, as it stands in the zip and decoded; more than 32 KiB count as that.
    pub name_bytes: u64,
    /// Memory of one conversion without its encoder, in bytes: held members, names and directory records.
    pub memory_bytes: u64,
    /// CPU time in milliseconds: not measured, which cannot be done everywhere and would not be the same twice, but counted
    /// from the bytes that were compressed, at what they cost in the Worker.
    pub cpu_ms: u64,
}

impl Limits {
    /// Unpacked bytes, 64 MiB, up to which [`Limits::ratio`] is not asked: what is small can do no harm.
    pub const RATIO_GRACE: u64 = 64 * MIB;

    /// One request's share of a 128 MB isolate.
    pub const WORKER: Self = Self {
        entries: 1 << 17,
        unpacked_bytes: 4096 * MIB,
        ratio: 250,
        held_bytes: 24 * MIB,
        name_bytes: 4096,
        memory_bytes: 26 * MIB,
        cpu_ms: 25_000,
    };

    /// A browser's tab, whose wasm can have 4 GiB. As much work as its user waits for.
    pub const BROWSER: Self =
        Self { entries: 1 << 20, held_bytes: 512 * MIB, memory_bytes: 1024 * MIB, ..Self::NATIVE };

    /// A machine of one's own.
    pub const NATIVE: Self = Self {
        entries: 1 << 24,
        unpacked_bytes: u64::MAX,
        ratio: u64::MAX,
        held_bytes: 1024 * MIB,
        name_bytes: 4096,
        memory_bytes: 4096 * MIB,
        cpu_ms: u64::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::WORKER
    }
}

/// The only counter of memory: everything that grows with the input is charged here before it grows.
#[derive(Debug)]
pub(crate) struct Meter {
    charged: u64,
    limit: u64,
}

impl Meter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { charged: 0, limit }
    }

    /// Takes `bytes` from the budget, or says by how much it would be exceeded.
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), Error> {
        let wanted = self.charged.saturating_add(bytes);
        if wanted > self.limit {
            return Err(Limit::Memory { wanted, limit: self.limit }.into());
        }
        self.charged = wanted;
        Ok(())
    }

    /// Gives back what was charged.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.charged = self.charged.checked_sub(bytes).expect("only what was charged is released");
    }

    /// Bytes charged now.
    #[cfg(test)]
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

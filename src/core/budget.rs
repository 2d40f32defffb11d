//! The CPU budget of a conversion, and the quality that fits it.

use crate::{
    cost::{
        cpu::{self, AUTO_WORK, Bytes, MetaBlock, NANOSECONDS_PER_MS},
        encoders::Ours,
    },
    encode::parameters::Parameters,
    error::{Error, Limit},
    member::Method,
};

/// The counted work of one conversion, its limit, and the quality in use.
#[derive(Debug)]
pub(crate) struct Budget {
    spent: u64,
    limit: u64,
    ours: Ours,
    lgwin: u8,
    /// The highest quality while the tarball's size is unknown.
    most: u8,
    /// The highest quality if there turns out to be more room.
    bound: u8,
    /// Memory reserved for the encoder, in bytes.
    memory: u64,
    quality: u8,
    /// Present if the quality may drop.
    forecast: Option<Forecast>,
    /// True if the quality is the best that fits, and false if it only drops where it cannot fit.
    auto: bool,
    /// Tarball bytes compressed so far.
    done: Bytes,
    /// Hashes of each byte of the tarball.
    hashes: u64,
}

/// An estimate of the remaining input, from declared sizes.
#[derive(Debug)]
struct Forecast {
    upload_bytes: Option<u64>,
    /// Tarball bytes of all members that are not announced yet, if the directory stated them.
    to_come: Option<u64>,
    /// Tarball bytes up to the end of the last announced member.
    announced: u64,
    /// End offset of that member's data in the zip.
    read: u64,
}

/// Assumed remaining bytes if no size is known.
const UNKNOWN: u64 = 32 << 20;

impl Budget {
    pub(crate) fn new(parameters: Parameters, cpu_ms: u64) -> Self {
        let limit = cpu_ms.saturating_mul(NANOSECONDS_PER_MS);
        let forecast = Forecast { upload_bytes: parameters.upload_bytes(), to_come: None, announced: 0, read: 0 };
        Self {
            spent: 0,
            limit: if parameters.is_auto() { limit.min(AUTO_WORK) } else { limit },
            ours: parameters.ours(),
            lgwin: parameters.lgwin(),
            most: parameters.quality(),
            bound: parameters.most_quality(),
            memory: parameters.encoder_bytes(),
            quality: parameters.quality(),
            forecast: parameters.may_lower().then_some(forecast),
            auto: parameters.is_auto(),
            done: Bytes::default(),
            hashes: 0,
        }
    }

    /// Forecasts by the `bytes` that the tarball will have.
    pub(crate) fn knowing(mut self, bytes: u64) -> Self {
        if let Some(forecast) = &mut self.forecast {
            forecast.to_come = Some(bytes);
        }
        self
    }

    /// Also counts this many hashes of each byte of the tarball.
    pub(crate) fn hashing(self, hashes: u64) -> Self {
        Self { hashes: self.hashes + hashes, ..self }
    }

    /// Does not count this many hashes, which were counted.
    pub(crate) fn not_hashing(self, hashes: u64) -> Self {
        Self { hashes: self.hashes - hashes, ..self }
    }

    /// Work counted so far in nanoseconds.
    pub(crate) fn spent(&self) -> u64 {
        self.spent
    }

    /// Counts a member with `length` bytes of header and contents in the tarball. `held` bytes of it were already
    /// unpacked once. `end` is the end offset of its data in the zip, if known.
    pub(crate) fn member(&mut self, method: Method, length: u64, held: u64, end: Option<u64>) {
        self.spend(cpu::member(method, held));
        self.spend(cpu::unpacking(method, length));
        if let Some(forecast) = &mut self.forecast {
            forecast.announced = forecast.announced.saturating_add(length);
            forecast.pass(length, end);
        }
    }

    /// Counts an unselected member of `length` bytes, of which `held` were already unpacked once. `end` is the end
    /// offset of its data in the zip, if known.
    ///
    /// # Errors
    ///
    /// `cpu_budget` if the limit is exceeded.
    pub(crate) fn skip(&mut self, method: Method, length: u64, held: u64, end: Option<u64>) -> Result<(), Error> {
        if let Some(forecast) = &mut self.forecast {
            forecast.pass(length, end);
        }
        self.spend(cpu::member(method, length.saturating_add(held)));
        self.spend(cpu::hashing(length).saturating_mul(self.hashes));
        if self.spent > self.limit { Err(self.exceeded()) } else { Ok(()) }
    }

    /// Adds nanoseconds of work.
    pub(crate) fn spend(&mut self, work: u64) {
        self.spent = self.spent.saturating_add(work);
    }

    /// The quality to start with, from the sizes announced so far.
    pub(crate) fn first_quality(&mut self) -> u8 {
        if let Some(forecast) = &self.forecast {
            let taken = forecast.left(self.done.taken);
            let (given, work) = match forecast.upload_bytes {
                // Deflate shrank nothing, so most of it is going to be copied.
                Some(zip) if !self.auto && zip >= taken - taken / 64 => (0, u64::MAX),
                // Few results are smaller than half the zip. So a fixed quality stays until there is output to judge by,
                // unless it needs twice the time that there is.
                Some(zip) if !self.auto => (zip, self.room_for(taken).saturating_mul(2)),
                // Assumes well-compressing text, the most expensive of the common kinds of data.
                _ => (taken / 6, self.room_for(taken)),
            };
            self.quality = self.best_quality(self.most, self.lgwin, Bytes { taken, given }, work);
        }
        self.quality
    }

    /// The quality for a tarball of `length` bytes that was gathered whole. Its small window leaves room for a higher
    /// quality than an unknown size does.
    pub(crate) fn whole(&mut self, length: u64, lgwin: u8) -> u8 {
        if self.forecast.is_some() {
            let bytes = Bytes { taken: length, given: length / 6 };
            self.quality = self.best_quality(self.bound, lgwin, bytes, self.remaining());
        }
        self.quality
    }

    /// Counts a meta-block. Returns the quality for the next one.
    ///
    /// # Errors
    ///
    /// `cpu_budget` if another such meta-block would exceed the limit.
    pub(crate) fn meta_block(&mut self, block: MetaBlock) -> Result<u8, Error> {
        self.spend(self.writing(block));
        // Hashing is counted here, not when it happens. It runs ahead of the encoder by an amount that depends on how
        // the upload is cut.
        self.spend(cpu::hashing(block.bytes.taken).saturating_mul(self.hashes));
        self.done.taken += block.bytes.taken;
        self.done.given += block.bytes.given;
        let mut next = block;
        if let Some(forecast) = &self.forecast {
            let taken = forecast.left(self.done.taken);
            let like = |seen: Bytes, taken| Bytes { taken, given: scale(taken, seen.given, seen.taken.max(1)) };
            next.bytes = like(block.bytes, taken.min(block.bytes.taken));
            if !block.copied {
                // Plan for the harder of the last block and the average so far.
                let (last, average, room) = (like(block.bytes, taken), like(self.done, taken), self.room_for(taken));
                let cost = |bytes| cpu::compressing(self.ours, self.quality, self.lgwin, bytes);
                if self.auto || cost(average).max(cost(next.bytes)) > room {
                    let best = |bytes| self.best_quality(self.quality, self.lgwin, bytes, room);
                    self.quality = best(last).min(best(average));
                }
            }
        }
        if self.writing(next) > self.remaining() {
            return Err(self.exceeded());
        }
        Ok(self.quality)
    }

    /// The cost of a meta-block at the present quality.
    pub(crate) fn writing(&self, block: MetaBlock) -> u64 {
        cpu::writing(self.ours, self.quality, self.lgwin, block)
    }

    /// The highest quality up to `most` that fits `work` and the reserved memory.
    fn best_quality(&self, most: u8, lgwin: u8, bytes: Bytes, work: u64) -> u8 {
        cpu::best_quality(self.ours, most, lgwin, bytes, work, self.memory)
    }

    fn exceeded(&self) -> Error {
        let (tarball, quality, limit_ms) = (self.done.taken, self.quality, self.limit / NANOSECONDS_PER_MS);
        Limit::Cpu { tarball, quality, limit_ms }.into()
    }

    fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.spent)
    }

    /// Work left for compressing `bytes` of the tarball, without the hashes.
    fn room_for(&self, bytes: u64) -> u64 {
        self.remaining().saturating_sub(cpu::hashing(bytes).saturating_mul(self.hashes))
    }
}

impl Forecast {
    /// A member of `length` bytes begins, whose data ends at `end`, if that is known.
    fn pass(&mut self, length: u64, end: Option<u64>) {
        self.to_come = self.to_come.map(|bytes| bytes.saturating_sub(length));
        self.read = end.unwrap_or(self.read);
    }

    /// Remaining tarball bytes after the first `done`: the rest of the announced members, and those to come. If no directory
    /// stated these, they are the rest of the zip at the ratio seen so far.
    fn left(&self, done: u64) -> u64 {
        let beyond = match (self.to_come, self.upload_bytes, self.read) {
            (Some(bytes), ..) => bytes,
            (None, Some(upload), 0) => upload.saturating_mul(2),
            (None, Some(upload), read) => scale(upload.saturating_sub(read), self.announced, read),
            (None, None, _) => done.max(UNKNOWN),
        };
        self.announced.saturating_sub(done).saturating_add(beyond)
    }
}

/// `number` times `by` divided by `of`, which is not zero.
pub(crate) fn scale(number: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(number) * u128::from(by) / u128::from(of)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn writing(quality: u8, lgwin: u8, block: MetaBlock) -> u64 {
        cpu::writing(Ours::DROPPING, quality, lgwin, block)
    }

    fn text(taken: u64) -> Bytes {
        Bytes { taken, given: taken / 6 }
    }

    fn compressed(bytes: Bytes) -> MetaBlock {
        MetaBlock { bytes, copied: false }
    }

    fn auto(upload_bytes: u64) -> Budget {
        Budget::new(Parameters::auto(22).unwrap().expecting(Some(upload_bytes)), u64::MAX)
    }

    #[test]
    fn a_fixed_quality_fails_when_the_budget_is_used_up() {
        let block = compressed(text(2 * MIB));
        let blocks = 25_000_000_000 / writing(11, 22, block);
        let mut budget = Budget::new(Parameters::new(11, 22).unwrap(), 25_000);
        for _ in 0..blocks - 1 {
            assert_eq!(budget.meta_block(block).unwrap(), 11);
        }
        assert_eq!(budget.meta_block(block).unwrap_err().code(), "cpu_budget");
    }

    #[test]
    fn a_default_quality_stays_while_it_fits() {
        // At quality 9, text of this size takes just less than the limit. `auto` keeps a reserve and lowers it.
        let block = compressed(text(2 * MIB));
        let (blocks, limit_ms) = (40, 40 * writing(9, 22, block) / NANOSECONDS_PER_MS + 1);
        let run = |parameters: Parameters| {
            let mut budget = Budget::new(parameters.expecting(Some(blocks * 2 * MIB / 5)), limit_ms);
            budget.member(Method::Deflate, blocks * 2 * MIB, 0, Some(blocks * 2 * MIB / 5));
            let first = budget.first_quality();
            (first, (1..blocks).map(|_| budget.meta_block(block).unwrap()).last().unwrap())
        };
        assert_eq!(run(Parameters::default().or_lower()), (9, 9));
        assert!(run(Parameters::auto(22).unwrap().at_most(9, 22)).1 < 9);
    }

    #[test]
    fn a_default_quality_drops_where_it_does_not_fit() {
        let block = compressed(Bytes { taken: 2 * MIB, given: 2 * MIB / 5 * 2 });
        for (blocks, expecting) in [(210, true), (60, true), (60, false)] {
            let bytes = blocks * 2 * MIB;
            let zip = bytes / 5 * 2;
            let parameters = Parameters::default().or_lower().expecting(expecting.then_some(zip));
            let run = |parameters| {
                let mut budget = Budget::new(parameters, 25_000);
                budget.member(Method::Deflate, bytes, 0, Some(zip));
                let first = budget.first_quality();
                let last = (0..blocks).map(|_| budget.meta_block(block)).last().unwrap();
                (first, last)
            };
            let (first, last) = run(parameters);
            let last = last.unwrap_or_else(|error| panic!("{blocks} blocks: {error}"));
            assert!(last < 9, "{blocks} blocks from quality {first} to {last}");
            assert_eq!(first < 9, blocks == 210, "lowered before there is output only if it is far too large");
            assert_eq!(run(Parameters::default()).1.unwrap_err().code(), "cpu_budget");
        }
    }

    #[test]
    fn a_default_quality_is_never_raised() {
        for quality in [0, 5] {
            let parameters = Parameters::new(quality, 22).unwrap().or_lower().expecting(Some(1000));
            let mut budget = Budget::new(parameters, 25_000);
            assert_eq!(budget.first_quality(), quality);
            assert_eq!(budget.whole(1000, 18), quality);
        }
    }

    #[test]
    fn unselected_members_do_not_count_as_work_to_come() {
        let mut budget = Budget::new(Parameters::default().or_lower().expecting(Some(400 * MIB)), 25_000);
        budget.member(Method::Deflate, 20 * MIB, 0, Some(4 * MIB));
        let before = budget.first_quality();
        budget.skip(Method::Deflate, 1900 * MIB, 0, Some(399 * MIB)).unwrap();
        assert!(before < 9);
        assert_eq!(budget.first_quality(), 9);
    }

    #[test]
    fn a_directory_replaces_the_ratio_of_the_first_member() {
        let first = |to_come: Option<u64>| {
            let budget = Budget::new(Parameters::default().or_lower().expecting(Some(400 * MIB)), 25_000);
            let mut budget = if let Some(bytes) = to_come { budget.knowing(bytes) } else { budget };
            budget.member(Method::Deflate, 20 * MIB, 0, Some(4 * MIB));
            budget.first_quality()
        };
        assert!(first(None) < 9 && first(Some(2000 * MIB)) < 9);
        assert_eq!(first(Some(21 * MIB)), 9);
        assert_eq!(first(Some(0)), 9, "a directory that states too little is no error");
    }

    #[test]
    fn members_unpacked_twice_cost_more() {
        let spent = |held| {
            let mut budget = Budget::new(Parameters::default(), u64::MAX);
            budget.member(Method::Deflate, MIB, held, None);
            budget.spent
        };
        assert!(spent(0) > 0 && spent(MIB) > spent(0));
    }

    #[test]
    fn a_small_archive_gets_the_highest_quality_and_a_large_one_less() {
        let first = |upload_bytes| {
            let mut budget = auto(upload_bytes);
            budget.member(Method::Deflate, upload_bytes * 6, 0, Some(upload_bytes));
            budget.first_quality()
        };
        assert_eq!(first(100_000), 9, "the highest quality with memory for this window");
        let qualities = [100_000, MIB, 4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB, 8192 * MIB].map(first);
        assert!(qualities.is_sorted_by(|a, b| a >= b), "{qualities:?}");
        assert_eq!(qualities[7], 2);
    }

    #[test]
    fn a_small_tarball_gets_the_highest_quality() {
        for parameters in [Parameters::auto(22).unwrap(), Parameters::auto(24).unwrap().expecting(Some(1000))] {
            let mut budget = Budget::new(parameters, u64::MAX);
            assert!(budget.first_quality() < 11);
            assert_eq!(budget.whole(MIB, 20), 11, "{parameters:?}");
        }
        assert_eq!(Budget::new(Parameters::auto(16).unwrap(), u64::MAX).whole(MIB, 16), 11);
        assert_eq!(Budget::new(Parameters::new(5, 22).unwrap(), u64::MAX).whole(MIB, 20), 5, "a fixed quality stays");
    }

    #[test]
    fn the_maximum_quality_holds_even_with_memory_for_more() {
        for (bound, expected) in [(11, 11), (6, 6)] {
            let parameters = Parameters::auto(22).unwrap().at_most(bound, 24);
            assert_eq!(Budget::new(parameters, u64::MAX).whole(1000, 18), expected);
        }
    }

    #[test]
    fn declared_sizes_count_more_than_the_size_of_the_zip() {
        // Both zips have 20 MiB; one is stored, the other unpacks to 100 times as much.
        let first = |unpacked| {
            let mut budget = auto(20 * MIB);
            budget.member(Method::Deflate, unpacked, 0, Some(20 * MIB));
            budget.first_quality()
        };
        assert!(first(20 * MIB) > first(2000 * MIB));
    }

    #[test]
    fn unexpected_large_members_lower_the_quality() {
        let mut budget = auto(8 * MIB);
        budget.member(Method::Deflate, MIB, 0, Some(MIB));
        let first = budget.first_quality();
        // Fifty times the expected size.
        budget.member(Method::Deflate, 400 * MIB, 0, Some(8 * MIB));
        let mut quality = first;
        for block in 0..200 {
            let next =
                budget.meta_block(compressed(text(2 * MIB))).unwrap_or_else(|error| panic!("block {block}: {error}"));
            assert!(next <= quality);
            quality = next;
        }
        assert!(quality < first, "from {first} to {quality}");
    }

    #[test]
    fn copied_blocks_cost_little_and_keep_the_quality() {
        let block = MetaBlock { bytes: Bytes { taken: MIB, given: MIB + 3 }, copied: true };
        assert!(writing(9, 22, block) * 3 < writing(9, 22, compressed(block.bytes)));
        let mut budget = auto(500 * MIB);
        budget.member(Method::Deflate, 500 * MIB, 0, Some(500 * MIB));
        let first = budget.first_quality();
        for _ in 0..500 {
            assert_eq!(budget.meta_block(block).unwrap(), first);
        }
    }

    #[test]
    fn no_upload_is_too_long_to_forecast() {
        for upload_bytes in [0, 1, u64::MAX] {
            let mut budget = auto(upload_bytes);
            budget.member(Method::Deflate, u64::MAX, u64::MAX, Some(1));
            budget.first_quality();
            let _ = budget.meta_block(compressed(Bytes { taken: 1, given: 2 }));
        }
    }
}

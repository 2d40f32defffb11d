//! Files whose segments are encoded side by side, and members that are cut into parts: the same bytes in every order.

use std::{collections::VecDeque, num::NonZeroUsize};

use recompress::{EncodedSegment, Error, Limits, Parameters, Progress, SegmentJob, Step, Transcoder};

use crate::{
    by_index,
    drivers::{self, Driver, LARGE, SplitMix},
    tarball,
    zip_writer::{archive, deflated, stored},
};

/// Bytes of a part. Parts of less than 1 MiB would not be cut.
const PART: u64 = 2 << 20;

/// The order in which segments are encoded and put back.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// Each at once.
    Now,
    /// The last first, of up to so many.
    LastFirst(usize),
    /// At random, of up to so many.
    Random(usize, u64),
}

/// A caller that encodes the segments of a conversion.
struct Caller {
    transcoder: Transcoder,
    order: Order,
    random: SplitMix,
    /// With their numbers.
    jobs: VecDeque<(usize, SegmentJob)>,
    /// Segments so far.
    count: usize,
    /// The most segments from the oldest that was not encoded to the newest.
    span: usize,
}

impl Caller {
    fn new(transcoder: Transcoder, order: Order) -> Self {
        Self::of_most(transcoder, order, 20)
    }

    /// With at most so many segments that are not in the file.
    fn of_most(transcoder: Transcoder, order: Order, most: usize) -> Self {
        let seed = if let Order::Random(_, seed) = order { seed } else { 0 };
        let transcoder = transcoder.dividing(NonZeroUsize::new(most).unwrap());
        Self { transcoder, order, random: SplitMix(seed), jobs: VecDeque::new(), count: 0, span: 0 }
    }

    fn encode_one(&mut self) -> Result<(), Error> {
        let number = match self.order {
            Order::Now => 0,
            Order::LastFirst(_) => self.jobs.len() - 1,
            Order::Random(..) => self.random.below(self.jobs.len() as u64) as usize,
        };
        let (_, mut job) = self.jobs.remove(number).expect("it is there");
        let segment: EncodedSegment = loop {
            if let Some(segment) = job.step()? {
                break segment;
            }
        };
        self.transcoder.put_segment(segment);
        Ok(())
    }
}

impl Step for Caller {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Error> {
        let progress = self.transcoder.step(input, output)?;
        let most = match self.order {
            Order::Now => 0,
            Order::LastFirst(most) | Order::Random(most, _) => most,
        };
        if let Some(job) = self.transcoder.take_segment() {
            self.jobs.push_back((self.count, job));
            self.count += 1;
            self.span = self.span.max(self.count - self.jobs[0].0);
            while self.jobs.len() > most {
                self.encode_one()?;
            }
        } else if self.transcoder.waits_for_segment() {
            self.encode_one()?;
        }
        Ok(progress)
    }

    fn work_ns(&self) -> u64 {
        self.transcoder.work_ns()
    }
}

/// Words at random, some of them from long ago, so that the window matters.
fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut random = SplitMix(seed);
    let mut text = Vec::with_capacity(length + 100);
    while text.len() < length {
        let far = random.below(3 << 20) as usize;
        if random.below(40) == 0 && far < text.len() {
            let end = text.len().min(far + 200);
            text.extend_from_within(far..end);
        }
        text.extend_from_slice(format!("province_{} = {} ", random.below(5000), random.below(90_000)).as_bytes());
    }
    text.truncate(length);
    text
}

fn zip() -> Vec<u8> {
    let (large, more) = (text(1, (5 << 20) + 12_345), text(2, 3 << 20));
    let noise: Vec<u8> = std::iter::repeat_with({
        let mut random = SplitMix(3);
        move || random.next_u64() as u8
    })
    .take((2 << 20) + 1)
    .collect();
    let members = [
        deflated(b"meta", b"date=1444.11.11\n"),
        stored(b"gamestate", &large),
        stored(b"noise", &noise),
        stored(b"more", &more),
    ];
    // Of less than a sixteenth of a segment: 3.6 MB in two segments, the second of which continues the first.
    let names: Vec<String> = (0..30).map(|number| format!("{number}.txt")).collect();
    let small = names.iter().enumerate().map(|(number, name)| {
        let start = 90_000 * number;
        stored(name.as_bytes(), &large[start..start + 120_000])
    });
    archive(members.into_iter().chain(small).collect::<Vec<_>>()).bytes()
}

fn transcoder(parameters: Parameters) -> Transcoder {
    Transcoder::new(parameters, Limits::NATIVE).unwrap().cutting_at(PART).reporting()
}

#[test]
fn the_order_in_which_segments_are_encoded_changes_no_byte() {
    let zip = zip();
    // Ours, with parts, and with a window that is larger than one; mbrotli, which has none, and the default, which could drop.
    for (parameters, parts) in [
        (Parameters::new(9, 18).unwrap(), true),
        (Parameters::new(9, 24).unwrap(), true),
        (Parameters::new(5, 22).unwrap(), false),
        (Parameters::default().or_lower(), true),
    ] {
        let drive = |driver, order| {
            let mut caller = Caller::new(transcoder(parameters), order);
            let conversion = drivers::drive(&zip, driver, &mut caller);
            conversion.result.unwrap();
            (conversion.output, caller.count)
        };
        let sequential = drivers::drive(&zip, Driver::Whole, transcoder(parameters));
        sequential.result.unwrap();
        let expected = sequential.output;
        let again = drivers::drive(&zip, Driver::Random { seed: 7 }, transcoder(parameters)).output;
        assert!(again == expected, "{parameters:?}: other cuts");
        for (driver, order) in
            [(Driver::Whole, Order::Now), (LARGE[1], Order::LastFirst(3)), (Driver::Whole, Order::Random(8, 1))]
        {
            let (output, count) = drive(driver, order);
            assert!(output == expected, "{parameters:?} {driver:?} {order:?}");
            assert!(count > 5, "{count} segments");
        }
        let members = tarball::read(&expected).unwrap();
        assert_eq!(by_index::members(&expected).unwrap(), members, "{parameters:?}");
        let index = by_index::open(&expected).unwrap().index;
        let continuing = index.segments.iter().filter(|segment| segment.continues).count();
        assert_eq!(continuing, if parts { 3 + 1 + 1 + 1 } else { 0 }, "{parameters:?}");
    }
}

#[test]
fn the_caller_has_no_more_segments_than_it_asked_for() {
    let zip = zip();
    let parameters = Parameters::new(9, 18).unwrap();
    let expected = drivers::drive(&zip, Driver::Whole, transcoder(parameters)).output;
    for most in [1, 2, 5] {
        for order in [Order::LastFirst(usize::MAX), Order::Random(usize::MAX, most as u64)] {
            let mut caller = Caller::of_most(transcoder(parameters), order, most);
            let divided = drivers::drive(&zip, Driver::Whole, &mut caller);
            divided.result.unwrap();
            assert!(divided.output == expected, "{most} {order:?}");
            assert_eq!(caller.span, most, "{order:?}");
        }
    }
}

#[test]
fn an_archive_without_an_index_has_no_segments_to_divide() {
    let zip = zip();
    let parameters = Parameters::new(9, 22).unwrap().with_index(false);
    let expected = drivers::drive(&zip, Driver::Whole, transcoder(parameters)).output;
    let mut caller = Caller::new(transcoder(parameters), Order::LastFirst(3));
    let divided = drivers::drive(&zip, Driver::Whole, &mut caller);
    divided.result.unwrap();
    assert!(divided.output == expected && caller.count == 0);
}

#[test]
fn a_small_archive_is_one_segment_for_the_caller_too() {
    let zip = archive([deflated(b"a", b"hello"), deflated(b"b", b"hello, hello")]).bytes();
    let parameters = Parameters::default();
    let expected = drivers::drive(&zip, Driver::Whole, transcoder(parameters)).output;
    for driver in drivers::ALL {
        let mut caller = Caller::new(transcoder(parameters), Order::LastFirst(3));
        let divided = drivers::drive(&zip, *driver, &mut caller);
        divided.result.unwrap();
        assert!(divided.output == expected, "{driver:?}");
        assert_eq!(caller.count, 1);
    }
}

#[test]
fn a_segment_too_long_to_hold_is_encoded_by_the_conversion_itself() {
    let zeros = vec![0; (32 << 20) + 1];
    let zip =
        archive([deflated(b"a", b"hello"), deflated(b"zeros", &zeros), deflated(b"b", &zeros[..4 << 20])]).bytes();
    // mbrotli's, which are not cut.
    let new = || Transcoder::new(Parameters::new(5, 18).unwrap(), Limits::NATIVE).unwrap();
    let expected = drivers::drive(&zip, Driver::Whole, new()).output;
    let mut caller = Caller::new(new(), Order::LastFirst(3));
    let divided = drivers::drive(&zip, Driver::Whole, &mut caller);
    divided.result.unwrap();
    assert!(divided.output == expected);
    assert_eq!((by_index::open(&expected).unwrap().index.segments.len(), caller.count), (6, 5));
}

#[test]
fn a_broken_archive_has_the_same_error_and_no_end() {
    let zip = zip();
    let parameters = Parameters::new(9, 18).unwrap();
    for cut in [zip.len() - 1, zip.len() / 2, 100] {
        let expected = drivers::drive(&zip[..cut], Driver::Whole, transcoder(parameters)).result.unwrap_err();
        let mut caller = Caller::new(transcoder(parameters), Order::Random(3, 5));
        let divided = drivers::drive(&zip[..cut], Driver::Whole, &mut caller);
        assert_eq!(divided.result.unwrap_err(), expected);
        drivers::cannot_pass_for_whole(&divided.output).unwrap();
    }
}

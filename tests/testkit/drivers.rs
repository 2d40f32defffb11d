//! Drivers: the ways a caller may cut input and output. The outcome must not depend on them.

use std::panic::{self, AssertUnwindSafe};

use recompress::{Error, Limits, Parameters, Progress, Selection, Status, Step, Transcoder};

use crate::{
    case::{Case, Expected},
    tarball,
};

/// One way to cut.
#[derive(Clone, Copy, Debug)]
pub enum Driver {
    /// All input at once, output in 64 KiB pieces.
    Whole,
    /// Input byte by byte.
    OneByteIn,
    /// Output byte by byte.
    OneByteOut,
    /// Output in pieces smaller than any record of either format.
    SmallOut,
    /// Input and output in pieces of random length, from the seed. Some input comes early, sometimes output has no room.
    Random { seed: u64 },
}

pub const ALL: &[Driver] = &[
    Driver::Whole,
    Driver::OneByteIn,
    Driver::OneByteOut,
    Driver::SmallOut,
    Driver::Random { seed: 1 },
    Driver::Random { seed: 2 },
    Driver::Random { seed: 3 },
];

/// For archives on which a step per byte takes too long.
pub const LARGE: &[Driver] = &[Driver::Whole, Driver::Random { seed: 1 }];

/// The most room that a driver offers for output.
const BUFFER_BYTES: usize = 1 << 16;

/// The most steps in a row that may neither consume nor produce. Each may inflate a buffer, so this is gigabytes of zeros.
const IDLE_STEPS: u32 = 100_000;

const DONE: Progress = Progress { consumed: 0, produced: 0, status: Status::Done };

/// Brotli settings of every conversion here: quick ones, since the encoder is not under test.
pub const QUALITY: u8 = 2;
pub const LGWIN: u8 = 16;

/// The output of a conversion, and how it ended.
pub struct Conversion {
    pub output: Vec<u8>,
    pub result: Result<(), Error>,
}

/// Converts `zip` as `driver` cuts it, and holds every step to the contract.
pub fn convert(zip: &[u8], limits: Limits, driver: Driver) -> Conversion {
    match transcoder(limits) {
        Ok(transcoder) => drive(zip, driver, transcoder),
        Err(error) => Conversion { output: Vec::new(), result: Err(error) },
    }
}

pub fn transcoder(limits: Limits) -> Result<Transcoder, Error> {
    Transcoder::new(Parameters::new(QUALITY, LGWIN).expect("both within their ranges"), limits)
}

/// Converts the selected members of `zip` through every driver, which must agree; with a report if asked.
pub fn select_in_every_way(zip: &[u8], limits: Limits, selection: &Selection, report: bool) -> Conversion {
    in_every_way(zip, || {
        let transcoder = transcoder(limits).expect("memory for an encoder").selecting(selection.clone());
        if report { transcoder.reporting() } else { transcoder }
    })
}

/// As [`select_in_every_way`], through one driver.
pub fn select(zip: &[u8], limits: Limits, selection: &Selection) -> Conversion {
    drive(zip, Driver::Whole, transcoder(limits).expect("memory for an encoder").selecting(selection.clone()))
}

/// Drives a fresh machine through every driver. They must agree.
pub fn in_every_way<S: Step>(zip: &[u8], start: impl Fn() -> S) -> Conversion {
    let first = drive(zip, ALL[0], start());
    for driver in &ALL[1..] {
        let other = drive(zip, *driver, start());
        assert_eq!(first.result, other.result, "{driver:?}");
        let shared = first.output.len().min(other.output.len());
        assert!(first.output[..shared] == other.output[..shared], "{driver:?} gave other bytes");
        assert!(first.result.is_err() || first.output.len() == other.output.len(), "{driver:?} gave more or less");
    }
    first
}

/// The least [`Limits::memory_bytes`] with which `zip` converts.
pub fn least_memory_for(zip: &[u8]) -> u64 {
    let converts =
        |memory_bytes| convert(zip, Limits { memory_bytes, ..Limits::default() }, Driver::Whole).result.is_ok();
    let (mut too_little, mut enough) = (0, Limits::default().memory_bytes);
    while enough - too_little > 1 {
        let middle = too_little.midpoint(enough);
        if converts(middle) { enough = middle } else { too_little = middle }
    }
    enough
}

/// Runs `machine` to its end, cut as `driver` says, and holds every step to the contract.
pub fn drive(zip: &[u8], driver: Driver, mut machine: impl Step) -> Conversion {
    let mut cuts = Cuts::new(driver);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut output = Vec::new();
    let (mut taken, mut offered) = (0, 0);
    let mut asked = false;
    let mut idle_steps = 0;
    loop {
        // An empty input after NeedsInput means the end of the upload. At any other step it means nothing.
        if asked || cuts.input_is_early() {
            offered += cuts.input(zip.len() - offered);
        }
        let ended = asked && taken == offered;
        let input = &zip[taken..offered];
        let room = cuts.output();
        let progress = match machine.step(input, &mut buffer[..room]) {
            Ok(progress) => progress,
            Err(error) => {
                let again = machine.step(input, &mut buffer);
                assert_eq!(again.as_ref(), Err(&error), "an error is the last word");
                return Conversion { output, result: Err(error) };
            }
        };
        assert!(progress.consumed <= input.len() && progress.produced <= room, "{progress:?}");
        taken += progress.consumed;
        output.extend(&buffer[..progress.produced]);
        match progress.status {
            Status::Done => {
                assert_eq!(taken, zip.len(), "all input is read before the end is certain");
                assert_eq!(machine.step(&[], &mut buffer), Ok(DONE), "done is the last word");
                return Conversion { output, result: Ok(()) };
            }
            Status::NeedsInput => {
                assert_eq!(progress.consumed, input.len(), "asked for more input before taking all there was");
                assert!(!ended, "asked for more input after its end");
            }
            Status::NeedsOutput => assert_eq!(progress.produced, room, "asked for room while it had some"),
            Status::Working => {}
        }
        asked = progress.status == Status::NeedsInput;
        idle_steps = if (progress.consumed, progress.produced) == (0, 0) { idle_steps + 1 } else { 0 };
        assert!(idle_steps < IDLE_STEPS, "{IDLE_STEPS} steps neither took nor gave a byte");
    }
}

/// Runs every case through every driver, and fails with the list of all problems.
pub fn check(cases: &[Case], drivers: &[Driver]) {
    let problems: Vec<String> = cases.iter().flat_map(|case| problems(case, drivers)).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// Converts `zip` through every driver. They must agree.
pub fn convert_in_every_way(zip: &[u8], limits: Limits) -> Result<Conversion, String> {
    let first = convert(zip, limits, ALL[0]);
    for driver in &ALL[1..] {
        same(&first, &convert(zip, limits, *driver)).map_err(|problem| format!("{driver:?}: {problem}"))?;
    }
    Ok(first)
}

fn problems(case: &Case, drivers: &[Driver]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut first: Option<Conversion> = None;
    for driver in drivers {
        // A failed assertion or another panic must name its row.
        let conversion = panic::catch_unwind(AssertUnwindSafe(|| convert(&case.zip, case.limits, *driver)));
        let problem = match (conversion, &first) {
            (Err(panic), _) => Err(format!("panicked: {}", panic_message(&*panic))),
            (Ok(conversion), Some(first)) => same(first, &conversion),
            (Ok(conversion), None) => {
                let as_stated = as_stated(&case.expected, &conversion);
                first = Some(conversion);
                as_stated
            }
        };
        problems.extend(problem.err().map(|problem| format!("{}, {driver:?}: {problem}", case.name)));
    }
    problems
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or(panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// Whether the outcome matches the row.
fn as_stated(expected: &Expected, conversion: &Conversion) -> Result<(), String> {
    match (expected, &conversion.result) {
        (Expected::Members(expected), Ok(())) => {
            let members = tarball::read(&conversion.output)?;
            if &members == expected { Ok(()) } else { Err(format!("expected {expected:#?}\ngot {members:#?}")) }
        }
        (Expected::Refusal(code), Err(error)) => {
            cannot_pass_for_whole(&conversion.output)?;
            reads_well(error)?;
            if error.code() == *code { Ok(()) } else { Err(format!("expected {code}, got {}: {error}", error.code())) }
        }
        (Expected::Members(_), Err(error)) => Err(format!("expected members, got {}: {error}", error.code())),
        (Expected::Refusal(code), Ok(())) => {
            Err(format!("expected {code}, got members: {:#?}", tarball::read(&conversion.output)))
        }
    }
}

/// Whether another way of cutting gave the same bytes and the same error, to the word.
pub fn same(one: &Conversion, other: &Conversion) -> Result<(), String> {
    if one.result != other.result {
        return Err(format!("ended {:?}, with other cuts {:?}", other.result, one.result));
    }
    // At an error the length of the output may differ. The bytes may not.
    let shared = one.output.len().min(other.output.len());
    if one.output[..shared] != other.output[..shared] || (one.result.is_ok() && one.output != other.output) {
        return Err("gave other bytes with other cuts".into());
    }
    if other.result.is_err() { cannot_pass_for_whole(&other.output) } else { Ok(()) }
}

/// The output before an error must not decode as a whole file.
pub fn cannot_pass_for_whole(output: &[u8]) -> Result<(), String> {
    match tarball::unbrotli(output) {
        Ok(tar) => Err(format!("refused after a complete brotli stream of {} bytes", tar.len())),
        Err(_) => Ok(()),
    }
}

/// A message is one line, which starts in lower case and has no full stop.
fn reads_well(error: &Error) -> Result<(), String> {
    let message = error.to_string();
    let starts_well = message.chars().next().is_some_and(|first| !first.is_uppercase());
    if starts_well && !message.ends_with('.') && !message.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(format!("the message {message:?} breaks the rules for messages"))
    }
}

/// The lengths of the next pieces.
struct Cuts {
    driver: Driver,
    random: SplitMix,
    longest: u64,
}

impl Cuts {
    fn new(driver: Driver) -> Self {
        let mut random = SplitMix(if let Driver::Random { seed } = driver { seed } else { 0 });
        // Some runs cut within records only, some leave most of them whole.
        let longest = [3, 40, 500, 50_000][random.below(4) as usize];
        Self { driver, random, longest }
    }

    /// The length of the next input: at least 1 of the `left` bytes, if there are any.
    fn input(&mut self, left: usize) -> usize {
        match self.driver {
            Driver::OneByteIn => left.min(1),
            Driver::Random { .. } => left.min(1 + self.random.below(self.longest) as usize),
            _ => left,
        }
    }

    /// Whether more input comes before the machine asks for it.
    fn input_is_early(&mut self) -> bool {
        matches!(self.driver, Driver::Random { .. }) && self.random.below(4) == 0
    }

    fn output(&mut self) -> usize {
        match self.driver {
            Driver::OneByteOut => 1,
            Driver::SmallOut => 7,
            Driver::Random { .. } => self.random.below(self.longest) as usize,
            _ => BUFFER_BYTES,
        }
    }
}

/// SplitMix64, the seed expander of Steele, Lea and Flood's paper of 2014.
pub struct SplitMix(pub u64);

impl SplitMix {
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }
}

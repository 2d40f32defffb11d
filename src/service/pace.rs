//! The pace of one client: whether it moves too few bytes while others wait for the memory that its request holds.

use std::{task::Context, time::Duration};

use crate::platform::{Sleep, Timer};

/// The slowest that a client may be while others wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// Bytes in a second.
    pub bytes: u64,
    /// The time over which they are counted. A client is ended after one to two of them.
    pub period: Duration,
}

/// A watch over one direction of one request. Ask it only while the request waits for its client.
#[derive(Default)]
pub struct Pace(Option<Period>);

struct Period {
    timer: Timer,
    /// Bytes, and nanoseconds of work, at its begin.
    moved: u64,
    work_ns: u64,
    /// Whether others waited at its begin.
    was_wanted: bool,
}

impl Pace {
    /// Whether the client was below `floor` for a period at whose begin and end others waited. `moved` are the bytes so far,
    /// and `work_ns` is the work on them: a conversion that computes does not wait for its client.
    pub fn is_too_slow(
        &mut self,
        cx: &mut Context<'_>,
        sleep: Option<Sleep>,
        floor: Floor,
        (moved, work_ns): (u64, u64),
        is_wanted: impl Fn() -> bool,
    ) -> bool {
        let Some(sleep) = sleep.filter(|_| floor.bytes > 0) else { return false };
        let begin = || Period { timer: sleep(floor.period), moved, work_ns, was_wanted: is_wanted() };
        let last = self.0.get_or_insert_with(begin);
        if last.timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        let next = begin();
        let nanoseconds = u64::try_from(floor.period.as_nanos()).unwrap_or(u64::MAX);
        let least = u128::from(floor.bytes) * floor.period.as_millis() / 1000;
        let is_slow = u128::from(moved - last.moved) < least && work_ns - last.work_ns < nanoseconds / 20;
        let is_too_slow = is_slow && last.was_wanted && next.was_wanted;
        // Polled, so that it wakes this task.
        let _ = self.0.insert(next).timer.as_mut().poll(cx);
        is_too_slow
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        task::Waker,
    };

    use super::*;

    const FLOOR: Floor = Floor { bytes: 1000, period: Duration::from_secs(10) };
    const AT_ONCE: Sleep = |_| Box::pin(ready(()));
    const NEVER: Sleep = |_| Box::pin(pending());

    /// The verdict at the end of each period, after these bytes and this work, and with others that wait or not.
    fn verdicts(begins_wanted: bool, periods: &[(u64, u64, bool)]) -> Vec<bool> {
        let mut pace = Pace::default();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(!pace.is_too_slow(&mut cx, Some(NEVER), FLOOR, (0, 0), || begins_wanted));
        let verdict = |&(moved, work_ns, wanted): &(u64, u64, bool)| {
            pace.0.as_mut().unwrap().timer = AT_ONCE(FLOOR.period);
            pace.is_too_slow(&mut cx, Some(NEVER), FLOOR, (moved, work_ns), || wanted)
        };
        periods.iter().map(verdict).collect()
    }

    #[test]
    fn a_client_below_the_floor_is_too_slow_if_others_wait_for_a_whole_period() {
        assert_eq!(verdicts(true, &[(9_999, 0, true)]), [true]);
        assert_eq!(verdicts(true, &[(10_000, 0, true), (19_999, 0, true)]), [false, true]);
        assert_eq!(verdicts(true, &[(0, 0, false), (0, 0, true), (0, 0, true)]), [false, false, true]);
        assert_eq!(verdicts(false, &[(0, 0, true), (0, 0, true)]), [false, true]);
    }

    #[test]
    fn a_client_whose_bytes_are_being_converted_is_not_too_slow() {
        assert_eq!(verdicts(true, &[(0, 500_000_000, true), (0, 999_000_000, true)]), [false, true]);
    }

    #[test]
    fn a_floor_of_nothing_ends_nobody() {
        let mut cx = Context::from_waker(Waker::noop());
        let floor = Floor { bytes: 0, ..FLOOR };
        let mut pace = Pace::default();
        for _ in 0..3 {
            assert!(!pace.is_too_slow(&mut cx, Some(AT_ONCE), floor, (0, 0), || true));
        }
    }
}

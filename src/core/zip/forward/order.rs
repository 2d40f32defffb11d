//! The order of the members: the names to come first, and the members that wait for them.

use std::collections::VecDeque;

use super::{Coding, Measured};
use crate::{
    error::{Absent, Error},
    limits::Meter,
    member::Entry,
    warning::Warnings,
    zip::spool::Spool,
};

/// Members and names that are still to come.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Names that come first and have not come yet.
    pending: VecDeque<String>,
    /// Waiting members with such a name.
    early: Vec<HeldMember>,
    /// Waiting members with other names.
    others: VecDeque<HeldMember>,
}

/// A member that was read whole and will be announced later.
#[derive(Debug)]
pub(super) struct HeldMember {
    pub(super) entry: Entry,
    pub(super) coding: Coding,
    pub(super) measured: Measured,
    pub(super) warnings: Warnings,
    /// Its data as stored in the zip.
    pub(super) spool: Spool,
}

impl HeldMember {
    /// Memory beside the spool. A queue that doubles may have twice the capacity it needs, and exists twice during
    /// reallocation.
    fn charge(&self) -> u64 {
        (3 * size_of::<Self>() + self.entry.name.capacity()) as u64
    }
}

impl Order {
    pub(super) fn new(first: &[String]) -> Self {
        Self { pending: first.iter().cloned().collect(), ..Self::default() }
    }

    /// The next name in order, if it is not `name`.
    pub(super) fn before(&self, name: &str) -> Option<&str> {
        self.pending.front().map(String::as_str).filter(|front| *front != name)
    }

    /// Notes that a member is announced.
    pub(super) fn announce(&mut self, name: &str) {
        if self.pending.front().is_some_and(|front| front == name) {
            self.pending.pop_front();
        }
    }

    /// Keeps a member until its turn.
    pub(super) fn wait(&mut self, mut waiting: HeldMember, meter: &mut Meter) -> Result<(), Error> {
        waiting.spool.shrink(meter)?;
        meter.charge(waiting.charge())?;
        if self.pending.contains(&waiting.entry.name) {
            self.early.push(waiting);
        } else {
            self.others.push_back(waiting);
        }
        Ok(())
    }

    /// The next member in order, if it is waiting.
    pub(super) fn next(&mut self, meter: &mut Meter) -> Option<HeldMember> {
        let waiting = match self.pending.front() {
            Some(front) => {
                let place = self.early.iter().position(|waiting| waiting.entry.name == *front)?;
                self.early.remove(place)
            }
            None => self.others.pop_front()?,
        };
        meter.release(waiting.charge());
        Some(waiting)
    }

    /// Called after the last member. Fails if a name that comes first never came.
    pub(super) fn end(&self) -> Result<(), Error> {
        self.pending.front().map_or(Ok(()), |name| Err(Absent::First { name: name.clone() }.into()))
    }
}

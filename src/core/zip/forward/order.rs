//! The order of the members: names that are to come first, and members that wait until these have come.

use std::collections::VecDeque;

use super::{Measured, Method};
use crate::{
    error::{Absent, Error},
    limits::Meter,
    member::Entry,
    warning::Warnings,
    zip::spool::Spool,
};

/// What remains to be put in order.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Names whose turn is still to come.
    pending: VecDeque<String>,
    /// Members that have such a name and came before their turn.
    early: Vec<HeldMember>,
    /// Members of other names.
    others: VecDeque<HeldMember>,
}

/// A member that was read whole, and is announced later.
#[derive(Debug)]
pub(super) struct HeldMember {
    pub(super) entry: Entry,
    pub(super) method: Method,
    pub(super) measured: Measured,
    pub(super) warnings: Warnings,
    /// Its data, as it is in the zip.
    pub(super) spool: Spool,
}

impl HeldMember {
    /// Memory beside the spool's: a queue that doubles has up to twice what it needs, and once more while it moves.
    fn charge(&self) -> u64 {
        (3 * size_of::<Self>() + self.entry.name.capacity()) as u64
    }
}

impl Order {
    pub(super) fn new(first: &[String]) -> Self {
        Self { pending: first.iter().cloned().collect(), ..Self::default() }
    }

    /// The name whose turn it is, if that is not `name`.
    pub(super) fn before(&self, name: &str) -> Option<&str> {
        self.pending.front().map(String::as_str).filter(|front| *front != name)
    }

    /// Takes note that a member is announced.
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

    /// The member whose turn it is, of those that wait.
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

    /// There are no more members: an error if one of them was to come first.
    pub(super) fn end(&self) -> Result<(), Error> {
        self.pending.front().map_or(Ok(()), |name| Err(Absent::First { name: name.clone() }.into()))
    }
}

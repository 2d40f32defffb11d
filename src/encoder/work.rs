//! Work of the parse, counted in tests alone: a bound that does not depend on the machine.

/// Counts a lookup, a candidate, a stored place, or eight bytes that are compared.
#[inline(always)]
pub(crate) fn count(units: usize) {
    #[cfg(test)]
    DONE.set(DONE.get() + units);
    let _ = units;
}

#[cfg(test)]
thread_local! {
    static DONE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Units of work that `task` takes.
#[cfg(test)]
pub(crate) fn of(task: impl FnOnce()) -> usize {
    let before = DONE.get();
    task();
    DONE.get() - before
}

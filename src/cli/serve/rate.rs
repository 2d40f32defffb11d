//! The rate limit: a bucket of tokens for each client's address. It fills in a minute, and a costly request takes one.

use std::{
    collections::HashMap,
    mem,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

/// Milliseconds in which an empty bucket fills.
const PERIOD: u64 = 60_000;

/// The price of a request. With this one, a bucket fills by the limit in each millisecond.
const PRICE: u64 = PERIOD;

/// Buckets of a generation, at most: 4 MB or so. There are two.
const MOST: usize = 1 << 16;

/// Requests of each address within a minute.
#[derive(Debug)]
pub struct Rate {
    per_minute: u64,
    buckets: Mutex<Buckets>,
}

/// A bucket is full after a minute without a request, like a new one. So buckets are kept for the present minute and the last.
#[derive(Debug, Default)]
struct Buckets {
    /// When the young generation began.
    began: u64,
    young: HashMap<IpAddr, Bucket>,
    old: HashMap<IpAddr, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: u64,
    /// The time of that level.
    at: u64,
}

impl Rate {
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute: per_minute.get().into(), buckets: Mutex::default() }
    }

    /// Takes a token of this address; true if it has none. `now` is in milliseconds.
    pub fn is_over(&self, address: IpAddr, now: u64) -> bool {
        let address = client(address);
        let full = self.per_minute * PRICE;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.age(now);
        let Bucket { level, at } = buckets.take(address).unwrap_or(Bucket { level: full, at: now });
        let level = full.min(level.saturating_add(now.saturating_sub(at).saturating_mul(self.per_minute)));
        let rest = level.checked_sub(PRICE);
        buckets.young.insert(address, Bucket { level: rest.unwrap_or(level), at: now });
        rest.is_none()
    }
}

impl Buckets {
    /// Begins a new generation every minute, and whenever there are too many buckets: memory counts more than the limit.
    fn age(&mut self, now: u64) {
        if now.saturating_sub(self.began) >= PERIOD || self.young.len() >= MOST {
            self.old = mem::take(&mut self.young);
            self.began = now;
        }
    }

    fn take(&mut self, address: IpAddr) -> Option<Bucket> {
        self.young.remove(&address).or_else(|| self.old.remove(&address))
    }
}

/// The part of an address that one client has: of IPv6, a network of 64 bits.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_minute: u32) -> Rate {
        Rate::new(NonZeroU32::new(per_minute).unwrap())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_minute_has_as_many_requests_as_it_may_and_they_come_back_one_by_one() {
        let (rate, one) = (rate(3), address("192.0.2.1"));
        let at = |now| rate.is_over(one, now);
        assert_eq!([at(5), at(5), at(6), at(7), at(20_004)], [false, false, false, true, true]);
        assert_eq!([at(20_005), at(20_006)], [false, true]);
        // Refused requests cost nothing, and a long pause gives no more than a minute.
        assert_eq!([at(10_000_000); 1], [false]);
        assert_eq!([at(10_000_000), at(10_000_000), at(10_000_000)], [false, false, true]);
    }

    #[test]
    fn each_address_has_its_own_limit_and_a_network_of_ipv6_is_one_client() {
        let rate = rate(1);
        assert!(!rate.is_over(address("192.0.2.1"), 0));
        assert!(!rate.is_over(address("192.0.2.2"), 0));
        assert!(rate.is_over(address("::ffff:192.0.2.1"), 0));
        assert!(!rate.is_over(address("2001:db8::1"), 0));
        assert!(rate.is_over(address("2001:db8::ffff:2"), 0));
        assert!(!rate.is_over(address("2001:db8:0:1::1"), 0));
    }

    #[test]
    fn a_limit_holds_across_generations_and_memory_is_bounded() {
        let (rate, one) = (rate(2), address("192.0.2.1"));
        assert_eq!([59_000, 59_001].map(|now| rate.is_over(one, now)), [false, false]);
        // Another generation.
        assert!(rate.is_over(one, 60_001));
        for number in 0..3 * MOST as u32 {
            assert!(!rate.is_over(IpAddr::V4(number.into()), 60_002));
        }
        let buckets = rate.buckets.lock().unwrap();
        assert!(buckets.young.len() <= MOST && buckets.old.len() <= MOST);
    }
}

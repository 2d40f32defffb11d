//! The platform: facts and waits that only a shell can supply.

use std::{pin::Pin, time::Duration};

/// The platform's part of the service.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// Size of the wasm's memory in bytes, for `/health`. `None` on a native platform.
    pub wasm_memory: Option<fn() -> u64>,
    /// Whether the platform is about to end the request for its CPU time. The conversion then fails while it can still say
    /// why. [`Limits::cpu_ms`](recompress::Limits::cpu_ms) comes first; this is the last resort.
    pub near_cpu_limit: Option<fn() -> bool>,
    /// A pause in the context of the request that polls it, where one request must not wake another. Who waits for memory
    /// then looks again after each.
    pub pause: Option<Pause>,
    /// A timer. Without one, nothing ends by time, and the rest of a refused upload is not read.
    pub sleep: Option<Sleep>,
    /// Milliseconds of a monotonic clock. On the edge it moves only between reads.
    pub now: fn() -> u64,
    /// Decodes members' names for the option `names`.
    pub decode_name: Option<recompress::Decode>,
    /// Writes one line of the log: a request as JSON.
    pub log: Option<fn(&str)>,
}

/// A while that the one at this place of the queue, 0 for the first, can wait before it looks whether it has its share.
pub type Pause = fn(place: usize) -> Timer;

/// A future that ends after a while, in the context of the request that polls it.
pub type Sleep = fn(Duration) -> Timer;

/// A wait that was started.
pub type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Default for Platform {
    /// A platform without a clock and without a log.
    fn default() -> Self {
        Self {
            wasm_memory: None,
            near_cpu_limit: None,
            pause: None,
            sleep: None,
            now: || 0,
            decode_name: None,
            log: None,
        }
    }
}

//! The platform, as far as a service must know it.

use std::pin::Pin;

/// What only the platform knows, and does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Platform {
    /// How large the wasm's memory is now, in bytes; for `/health` to tell, where there is a wasm.
    pub wasm_memory: Option<fn() -> u64>,
    /// Whether the platform is about to end what is running for its use of CPU. A conversion then fails while it can still
    /// say why: the last resort, behind [`Limits::cpu_ms`](recompress::Limits::cpu_ms).
    pub near_cpu_limit: Option<fn() -> bool>,
    /// A pause in the context of the request that polls it, where one request must not wake another. Who waits for memory
    /// then looks again after each.
    pub pause: Option<Pause>,
    /// Writes a line of the log: the account of one request, as JSON.
    pub log: Option<fn(&str)>,
}

/// A while that the one at this place of the queue, 0 for the first, can wait before it looks whether it has its share.
pub type Pause = fn(place: usize) -> Pin<Box<dyn Future<Output = ()> + Send>>;

//! The state that all requests of a process, or of an isolate, share.

use recompress::save::Words;
use recompress_service::{Admission, Platform};

use crate::settings::Settings;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) admission: Admission,
    pub(crate) platform: Platform,
    /// The words of binary saves.
    pub(crate) words: Words,
}

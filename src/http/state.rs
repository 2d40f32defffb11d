//! The state that all requests of a process, or of an isolate, share.

use recompress::save::Words;
use recompress_service::Terms;

use crate::settings::Settings;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) terms: Terms,
    /// The words of binary saves.
    pub(crate) words: Words,
}

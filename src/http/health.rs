//! `GET /health`: the memory in use, and the requests that use it.

use recompress_service::Figures;
use serde::Serialize;

use crate::state::State;

pub(crate) fn text(state: &State) -> String {
    #[derive(Serialize)]
    struct Health {
        status: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        wasm_memory_bytes: Option<u64>,
        budget_bytes: u64,
        reserved_bytes: u64,
        encoder_bytes: u64,
        upload_bytes: u64,
        result_bytes: u64,
        buffer_bytes: u64,
        active: usize,
        receiving: usize,
        waiting: usize,
        converting: usize,
        sending: usize,
    }
    let figures = state.terms.admission.figures();
    let Figures { budget, encoders, uploads, results, buffers, receiving, waiting, converting, sending, lent_ms: _ } =
        figures;
    let health = Health {
        status: "ok",
        wasm_memory_bytes: state.terms.platform.wasm_memory.map(|now| now()),
        budget_bytes: budget,
        reserved_bytes: figures.reserved(),
        encoder_bytes: encoders,
        upload_bytes: uploads,
        result_bytes: results,
        buffer_bytes: buffers,
        active: receiving + converting + sending,
        receiving,
        waiting,
        converting,
        sending,
    };
    serde_json::to_string(&health).expect("numbers and a word are always JSON") + "\n"
}

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
        reserved_bytes: u64,
        budget_bytes: u64,
        active: usize,
        waiting: usize,
    }
    let Figures { budget, reserved, active, waiting } = state.admission.figures();
    let health = Health {
        status: "ok",
        wasm_memory_bytes: state.platform.wasm_memory.map(|now| now()),
        reserved_bytes: reserved,
        budget_bytes: budget,
        active,
        waiting,
    };
    serde_json::to_string(&health).expect("numbers and a word are always JSON") + "\n"
}

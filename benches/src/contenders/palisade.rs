//! Palisade.

use super::embedding::embedding;
use crate::contender::{Contender, Sampler, Task};

embedding!(palisade);

pub(super) struct Palisade;

impl Contender for Palisade {
    fn name(&self) -> &'static str {
        "palisade"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_string()
    }

    fn prepare(&self, task: &Task) -> Result<Sampler, String> {
        let mut config = palisade::Config::new();
        config.wasm_wide_arithmetic(true);
        let engine = palisade::Engine::new(&config).map_err(|error| error.to_string())?;
        tasks::prepare(&engine, task)
    }
}

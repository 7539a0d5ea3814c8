//! The WebAssembly engine.

pub(crate) mod cache;
mod costly;
mod instance;
pub(crate) mod instances;
mod pool;

use crate::background;
use crate::config::Limits;
use anyhow::{Context as _, Result};
use std::thread;
use std::time::Duration;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// A guest is interrupted this often, which costs it some microseconds, and asked whether others go first.
const TICK: Duration = Duration::from_millis(4);
/// So often while guests compute in the background.
const FINE_TICK: Duration = Duration::from_millis(1);

/// Makes an engine with room for `instances` instances, and the clock that interrupts its guests.
pub(crate) fn engine(limits: &Limits, instances: usize) -> Result<Engine> {
    let engine = Engine::new(&config(limits, instances)?)?;
    let clock = engine.weak();
    // A thread and not a task: it must go on when guests occupy all of the runtime's threads.
    thread::Builder::new().name("accord-clock".to_owned()).spawn(move || {
        background::be_prompt();
        while let Some(engine) = clock.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(if background::is_busy() { FINE_TICK } else { TICK });
        }
    })?;
    Ok(engine)
}

/// Makes an engine that only compiles: for every processor of this kind, and not for what this one has beyond that.
pub(crate) fn compiler() -> Result<Engine> {
    let mut config = config(&Limits::default(), 1)?;
    config.target(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))?;
    Ok(Engine::new(&config)?)
}

fn config(limits: &Limits, instances: usize) -> Result<Config> {
    let count = u32::try_from(instances).context("too many instances")?;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count)
        .max_memory_size(limits.memory)
        .total_memories(count)
        // A component is a few core instances and tables, most of them shims.
        .total_core_instances(count.saturating_mul(16))
        .total_tables(count.saturating_mul(8))
        // An instance needs one stack, and one more for each call in which it waits for the host synchronously.
        .total_stacks(count.saturating_mul(4));
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .wasm_component_model_async(true)
        .epoch_interruption(true);
    Ok(config)
}

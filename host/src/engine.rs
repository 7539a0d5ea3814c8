//! The WebAssembly engine.

pub(crate) mod cache;
mod costly;
mod instance;
pub(crate) mod instances;
mod pool;
mod slices;

pub(crate) use slices::Slices;

use crate::config::Limits;
use anyhow::{Context as _, Result};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// A guest that computes gives way to others this often. It costs the guest some microseconds.
const TICK: Duration = Duration::from_millis(4);

/// Makes an engine with room for `instances` instances, and the clock that makes its guests give way: to whoever waits for a slice.
pub(crate) fn engine(limits: &Limits, instances: usize) -> Result<(Engine, Arc<Slices>)> {
    let engine = Engine::new(&config(limits, instances)?)?;
    let slices = Arc::new(Slices::new(thread::available_parallelism().map_or(1, NonZero::get)));
    let (clock, ticks) = (engine.weak(), slices.clone());
    // A thread and not a task: it must go on when guests occupy all of the runtime's threads.
    thread::Builder::new().name("accord-clock".to_owned()).spawn(move || {
        while let Some(engine) = clock.upgrade() {
            ticks.begin();
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok((engine, slices))
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

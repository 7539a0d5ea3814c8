//! The interfaces of Spin as Rust: what `bindgen` makes of `host/wit`.

wasmtime::component::bindgen!({
    path: "wit",
    world: "accord:host/capabilities",
    imports: {
        "spin:sqlite/sqlite.[static]connection.open": async,
        "spin:sqlite/sqlite.[method]connection.execute": async,
        "spin:sqlite/sqlite": trappable,
        "spin:key-value/key-value": trappable,
    },
    with: {
        "spin:sqlite/sqlite.connection": crate::spin::loan::Lease,
        "spin:key-value/key-value.store": crate::spin::store::Store,
    },
});

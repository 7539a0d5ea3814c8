//! `spin:key-value`: stores of keys and values, for the components that are granted them.

use crate::spin::bindings::spin::key_value::key_value::{
    Error, Host, HostStore, HostStoreWithStore, Store as StoreResource,
};
use crate::spin::guest::Guest;
use crate::spin::store::Store;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

fn store<T: Send>(accessor: &Accessor<T, HasSelf<Guest>>, store: &Resource<Store>) -> wasmtime::Result<Store> {
    accessor.with(|mut access| Ok(access.get().table.get(store)?.clone()))
}

impl Host for Guest {}

impl HostStore for Guest {
    fn drop(&mut self, store: Resource<StoreResource>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send + 'static> HostStoreWithStore<T> for HasSelf<Guest> {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<StoreResource>, Error>> {
        accessor.with(|mut access| {
            let guest = access.get();
            Ok(match guest.grants.stores.get(&label) {
                None => Err(Error::AccessDenied),
                Some(None) => Err(Error::NoSuchStore),
                Some(Some(store)) => guest.table.push(store.clone()).map_err(|_| Error::StoreTableFull),
            })
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        Ok(store(accessor, &handle)?.get(key).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(store(accessor, &handle)?.set(key, value).await)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        Ok(store(accessor, &handle)?.delete(key).await)
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        Ok(store(accessor, &handle)?.get(key).await.map(|value| value.is_some()))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        handle: Resource<StoreResource>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let (keys, end) = match store(accessor, &handle)?.keys().await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let end = FutureReader::new(&mut access, std::future::ready(wasmtime::error::Ok(end)))?;
            Ok((keys, end))
        })
    }
}

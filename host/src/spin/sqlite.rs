//! `spin:sqlite`: SQLite databases, for the components that are granted them.

use crate::spin::bindings::spin::sqlite::sqlite::{
    Connection, Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};
use crate::spin::database::Database;
use crate::spin::guest::Guest;
use crate::spin::loan::{Lease, Loan};
use std::sync::Arc;
use wasmtime::AsContextMut as _;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

/// Connections that one instance may have open at a time, as in Spin.
const MAX_OPEN: usize = 256;

impl Guest {
    fn granted(&self, database: &str) -> Result<Arc<Database>, Error> {
        if self.open_connections >= MAX_OPEN {
            return Err(Error::Io("too many connections opened".to_owned()));
        }
        self.grants.databases.get(database).ok_or(Error::AccessDenied)?.clone().ok_or(Error::NoSuchDatabase)
    }

    fn keep(&mut self, lease: Lease) -> wasmtime::Result<Resource<Lease>> {
        self.open_connections += 1;
        self.loans.push(Arc::downgrade(&lease.loan()));
        Ok(self.table.push(lease)?)
    }

    fn loan(&mut self, connection: &Resource<Lease>) -> wasmtime::Result<Arc<Loan>> {
        self.calls += 1;
        Ok(self.table.get(connection)?.loan())
    }
}

impl Host for Guest {}

impl HostConnection for Guest {
    async fn open(&mut self, database: String) -> Result<Resource<Connection>, Error> {
        let database = self.granted(&database)?;
        let lease = Lease::open(database, self.grants.component.clone()).await?;
        self.keep(lease).map_err(|error| Error::Io(error.to_string()))
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, Error> {
        let loan = self.loan(&connection).map_err(|_| Error::InvalidConnection)?;
        let takes_long = || {
            if let Some(tell) = &self.takes_long {
                tell(None);
            }
        };
        loan.execute(statement, parameters, takes_long).await
    }

    fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> wasmtime::Result<i64> {
        Ok(self.loan(&connection)?.last_id())
    }

    fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        Ok(self.loan(&connection)?.changes())
    }

    fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.open_connections -= 1;
        self.table.delete(connection)?;
        self.loans.retain(|loan| loan.strong_count() > 0);
        Ok(())
    }
}

type Rows = (Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>);

impl<T: Send + 'static> HostConnectionWithStore<T> for HasSelf<Guest> {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        let granted = accessor.with(|mut access| {
            let guest = access.get();
            Ok::<_, Error>((guest.granted(&database)?, guest.grants.component.clone()))
        });
        let (database, component) = match granted {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        match Lease::open(database, component).await {
            Ok(lease) => accessor.with(|mut access| access.get().keep(lease)).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Rows, Error>> {
        let loan = accessor.with(|mut access| access.get().loan(&connection))?;
        let takes_long = || {
            accessor.with(|mut access| {
                let request = access.as_context_mut().async_call_stack().ok().and_then(Iterator::last);
                if let Some(tell) = &access.get().takes_long {
                    tell(request);
                }
            });
        };
        let result = match loan.execute(statement, parameters, takes_long).await {
            Ok(result) => result,
            Err(error) => return Ok(Err(error)),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, result.rows)?;
            let end = FutureReader::new(&mut access, std::future::ready(wasmtime::error::Ok(Ok(()))))?;
            Ok(Ok((result.columns, rows, end)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        let loan = accessor.with(|mut access| access.get().loan(&connection))?;
        Ok(loan.last_id())
    }

    async fn changes_async(accessor: &Accessor<T, Self>, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        let loan = accessor.with(|mut access| access.get().loan(&connection))?;
        Ok(loan.changes())
    }
}

//! Which key-value store the private halves of the signing keys are in.
//!
//! Nodes of one directory have to share a key-value store. One that has a store of its own lacks the keys of the others, and if each made
//! what it lacks they would take the keys out of each other's hands. So the directory knows a mark, and the store that it belongs to
//! has an entry of that name: whoever has another store makes no key.

use crate::error::Result;
use crate::store::{Connection, Transaction};

/// The mark that the directory knows, if it knows one.
pub fn mark(connection: &Connection) -> Result<Option<String>> {
    connection
        .query_first("SELECT mark FROM key_value_stores WHERE one = 1", &[])?
        .map(|mut row| row.take("mark"))
        .transpose()
}

/// Gives the directory a mark, unless it has one, and returns the one that it has then.
pub async fn propose(mark: &str) -> Result<String> {
    let transaction = Transaction::begin().await?;
    transaction.run("INSERT INTO key_value_stores (one, mark) VALUES (1, ?) ON CONFLICT DO NOTHING", &[mark.into()])?;
    let known = transaction.run_one("SELECT mark FROM key_value_stores WHERE one = 1", &[])?.take("mark")?;
    transaction.commit().await?;
    Ok(known)
}

/// Gives the directory another mark: its keys are in another store from now on.
pub async fn replace(connection: &Connection, mark: &str) -> Result<()> {
    let statement =
        "INSERT INTO key_value_stores (one, mark) VALUES (1, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark";
    connection.execute(statement, vec![mark.into()]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::native::run;

    #[test]
    fn the_first_mark_stays_until_it_is_replaced() {
        run(async {
            let connection = Connection::lease().await?;
            assert_eq!(mark(&connection)?, None);
            assert_eq!(propose("a").await?, "a");
            assert_eq!(propose("b").await?, "a");
            replace(&connection, "c").await?;
            assert_eq!(mark(&connection)?.as_deref(), Some("c"));
            Ok(())
        });
    }
}

//! What is said of accounts, and what is shown of that.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::accounts::duplicates;
use crate::accounts::taken::taken;
use crate::error::{Conflict, Error, Result};
use crate::store::audit::Changed;
use crate::store::draft::{Draft, Premise, objects};
use crate::store::sql::rows;
use crate::store::{Connection, Edit, Row};
use crate::values::id::{AccountId, ConnectorId};
use crate::values::text;
use crate::values::time::Time;

/// A field of an account that more than one source speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// What it is called.
    Name,
    /// What the portal finds it by.
    RegistrationId,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Name, Self::RegistrationId];

    /// As the APIs and the store write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::RegistrationId => "registrationId",
        }
    }

    /// The column of it: of what is shown, of what a connector says, and, after a prefix, of what the other sources say.
    const fn column(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::RegistrationId => "registration_id",
        }
    }
}

/// How many accounts are settled at a time: their words are in memory, and each may have many.
pub(crate) const PAGE: usize = 2000;

/// Who says something of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// People, through the accounts API.
    People,
    /// The account above, through the administration API.
    Above,
    /// A connector, of the account that it calls so.
    Connector {
        /// The connector.
        id: ConnectorId,
        /// What it calls the account.
        external_id: String,
    },
}

/// What is said of a field of the accounts that `of(id)` has, a row for each source: `said` is null where people and the account
/// above say nothing, and where a connector says what is `shown`.
pub(super) fn said(field: Field) -> String {
    let (name, column) = (field.name(), field.column());
    let of_account = |source: &str, place: u8| {
        format!(
            "SELECT a.id AS account_id, a.owner_id, '{name}' AS field, a.{column} AS shown, '{source}' AS source,
                    {place} AS place, NULL AS connector_id, NULL AS external_id, NULL AS since, a.{source}_{column} AS said
               FROM of CROSS JOIN accounts a ON a.id = of.id"
        )
    };
    format!(
        "{} UNION ALL {} UNION ALL
         SELECT a.id, a.owner_id, '{name}', a.{column}, 'connector', 2, i.connector_id, i.external_id, i.created_at, i.{column}
           FROM of CROSS JOIN accounts a ON a.id = of.id CROSS JOIN account_identities i ON i.account_id = a.id
           CROSS JOIN connectors c ON c.id = i.connector_id AND c.status <> 'inactive'",
        of_account("people", 0),
        of_account("above", 1)
    )
}

/// Joins to the rows `w` of [`said`] the place that the owner of the account has given to the source, if it has.
pub(super) const PRECEDENCE: &str = "LEFT JOIN precedences p ON p.owner_id = w.owner_id AND p.field = w.field
      AND p.source = w.source AND p.connector_id IS w.connector_id";

/// The order in which the words of one field of one account count: the first is shown.
pub(super) const ORDER: &str = "p.position IS NULL, p.position, w.place, w.since, w.connector_id, w.external_id";

/// The accounts that an account, which an expression gives, owns and of which some source says another value than the one that is
/// shown, as a query.
macro_rules! differing {
    ($owner:literal) => {
        concat!(
            "SELECT i.account_id FROM connectors o CROSS JOIN account_identities i INDEXED BY account_identities_differing
                 ON i.connector_id = o.id AND (i.name IS NOT NULL OR i.registration_id IS NOT NULL) WHERE o.account_id = ",
            $owner,
            " UNION SELECT a.id FROM accounts a WHERE a.owner_id = ",
            $owner,
            " AND (a.people_name <> a.name OR a.above_name <> a.name
                   OR a.people_registration_id <> a.registration_id OR a.above_registration_id <> a.registration_id)"
        )
    };
}

/// What the sources say of fields of accounts.
#[derive(Default)]
pub(crate) struct Words {
    fields: BTreeMap<(AccountId, Field), Said>,
}

/// What the sources say of one field of one account.
struct Said {
    /// What is shown.
    shown: Option<String>,
    /// What each says, in the order in which they count.
    words: Vec<Word>,
    /// Where each source is among these: one connector may call the account by thousands of external ids.
    places: HashMap<Source, usize>,
}

struct Word {
    source: Source,
    /// What the store keeps of it, see [`said`].
    kept: Option<String>,
    /// What it says, if it says something.
    value: Option<String>,
}

impl Said {
    /// What is to be shown: the first word, or what was shown if there is none.
    fn shown(&self) -> Option<&str> {
        self.first().or(self.shown.as_deref())
    }

    fn first(&self) -> Option<&str> {
        self.words.iter().find_map(|word| word.value.as_deref())
    }
}

impl Words {
    /// What is said of these fields of accounts, whose ids are an array.
    pub(crate) async fn of<T: Serialize + ?Sized>(edit: &Edit, accounts: &T, fields: &[Field]) -> Result<Self> {
        Ok(Self::ask(edit.connection(), accounts, fields, false).await?.1)
    }

    /// As [`Words::of`], of one account, for people or the account above to [`Words::say`] something.
    pub(crate) async fn to_speak(edit: &Edit, account_id: AccountId, fields: &[Field]) -> Result<Self> {
        Ok(Self::ask(edit.connection(), &[account_id], fields, true).await?.1)
    }

    /// As [`Words::of`], for a plan. `silent` asks for a place of those who say nothing yet.
    pub(crate) async fn ask<T: Serialize + ?Sized>(
        connection: &Connection,
        accounts: &T,
        fields: &[Field],
        silent: bool,
    ) -> Result<(Premise, Self)> {
        let said: Vec<_> = fields.iter().map(|field| said(*field)).collect();
        let query = format!(
            "WITH of(id) AS (SELECT value FROM json_each(?1))
             SELECT w.account_id, w.field, w.shown, w.source, w.connector_id, w.external_id, w.said
               FROM ({}) w {PRECEDENCE}
              WHERE w.said IS NOT NULL OR w.source = 'connector' OR ?2
              ORDER BY w.account_id, w.field, {ORDER}",
            said.join(" UNION ALL ")
        );
        let names = ["account_id", "field", "shown", "source", "connector_id", "external_id", "said"];
        let question = objects(names, &query);
        let premise = Premise::ask(connection, question, vec![rows(accounts)?, i64::from(silent).into()]).await?;
        let mut words = Self::default();
        for mut row in premise.rows()? {
            words.add(&mut row)?;
        }
        Ok((premise, words))
    }

    fn add(&mut self, row: &mut Row) -> Result<()> {
        let field: String = row.take("field")?;
        let field = if field == Field::Name.name() { Field::Name } else { Field::RegistrationId };
        let (shown, kept): (Option<String>, Option<String>) = (row.take("shown")?, row.take("said")?);
        let connector: Option<ConnectorId> = row.take("connector_id")?;
        let source: String = row.take("source")?;
        let (source, value) = match (connector, source.as_str()) {
            (Some(id), _) => (
                Source::Connector { id, external_id: row.take("external_id")? },
                kept.clone().or_else(|| shown.clone()),
            ),
            (None, "people") => (Source::People, kept.clone()),
            (None, _) => (Source::Above, kept.clone()),
        };
        let said = self.fields.entry((row.take("account_id")?, field)).or_insert_with(|| Said {
            shown,
            words: Vec::new(),
            places: HashMap::new(),
        });
        said.places.insert(source.clone(), said.words.len());
        said.words.push(Word { source, kept, value });
        Ok(())
    }

    /// A source says another value from now on, or nothing.
    pub(crate) fn say(&mut self, account_id: AccountId, field: Field, source: &Source, value: Option<&str>) {
        let said = self.fields.get_mut(&(account_id, field));
        if let Some(word) = said.and_then(|said| said.words.get_mut(*said.places.get(source)?)) {
            word.value = value.map(str::to_owned);
        }
    }

    /// What some source says of a field of an account: the word that comes first.
    pub(crate) fn first(&self, account_id: AccountId, field: Field) -> Option<&str> {
        self.fields.get(&(account_id, field)).and_then(Said::first)
    }

    /// Keeps what connectors say, and shows what follows from what is said. Nothing is written where nothing changes.
    pub(crate) async fn settle(&self, edit: &Edit) -> Result<()> {
        self.draft(&mut edit.draft())?;
        edit.write().await.map_err(taken)
    }

    /// Drafts what [`Words::settle`] writes.
    pub(crate) fn draft(&self, draft: &mut Draft) -> Result<()> {
        self.keep(draft)?;
        let mut changed: BTreeMap<AccountId, [Option<&str>; 2]> = BTreeMap::new();
        let mut notes: BTreeMap<AccountId, Changed> = BTreeMap::new();
        for ((account_id, field), said) in &self.fields {
            let (before, after) = (said.shown.as_deref(), said.shown());
            if before != after {
                changed.entry(*account_id).or_default()[*field as usize] = after;
                notes.entry(*account_id).or_default().note(field.name(), &before, &after);
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        let accounts: Vec<_> = changed
            .iter()
            .map(|(id, [name, as_registered])| {
                (id, name, name.map(text::fold), as_registered, as_registered.and_then(duplicates::number))
            })
            .collect();
        draft.step("shown", &accounts, (Time::this_second(),))?;
        let notes: Vec<_> = notes.into_iter().map(|(id, changed)| (id, changed.into_detail())).collect();
        draft.note("renamed", "accounts", &notes)
    }

    /// Drafts what connectors say where it is not what is shown. What people and the account above say is kept with the account, by
    /// whoever changes it for them.
    pub(crate) fn keep(&self, draft: &mut Draft) -> Result<()> {
        let kept = self.fields.iter().flat_map(|((_, field), said)| {
            said.kept().map(|(connector, external_id, value)| (connector, external_id, field.name(), value))
        });
        let kept: Vec<_> = kept.collect();
        if kept.is_empty() { Ok(()) } else { draft.step("words", &kept, [(); 0]) }
    }
}

impl Said {
    /// What is to be kept of what connectors say, where that is another than what is kept: the connector, the external id, and the
    /// value, or null where it is what is shown.
    fn kept(&self) -> impl Iterator<Item = (ConnectorId, &str, Option<&str>)> {
        let shown = self.shown();
        self.words.iter().filter_map(move |word| {
            let Source::Connector { id, external_id } = &word.source else { return None };
            let keep = word.value.as_deref().filter(|value| Some(*value) != shown);
            (keep != word.kept.as_deref()).then_some((*id, external_id.as_str(), keep))
        })
    }
}

/// The account of the owner `?2` of which some source says a registration id, which an expression gives, though another one is shown,
/// or into which one was joined that the registration id led to, as an expression.
macro_rules! unshown {
    ($id:literal) => {
        concat!(
            "coalesce((SELECT s.account_id FROM account_identities s CROSS JOIN accounts o ON o.id = s.account_id AND o.owner_id = ?2
                  WHERE s.registration_id = ",
            $id,
            " LIMIT 1), (SELECT s.id FROM accounts s
                  WHERE s.owner_id = ?2 AND s.people_registration_id <> s.registration_id AND s.people_registration_id = ",
            $id,
            "), (SELECT s.id FROM accounts s
                  WHERE s.owner_id = ?2 AND s.above_registration_id <> s.registration_id AND s.above_registration_id = ",
            $id,
            "), (SELECT o.id FROM joined_registration_ids s CROSS JOIN joined_accounts j ON j.id = s.joined_id
                  CROSS JOIN accounts o ON o.id = j.account_id AND o.owner_id = ?2
                  WHERE s.registration_id = ",
            $id,
            " LIMIT 1))"
        )
    };
}

/// Whether there may be some such account at all, as an expression: mostly not, and it is asked once for a whole body.
pub(crate) const UNSHOWN: &str =
    "(SELECT EXISTS (SELECT 1 FROM account_identities s WHERE s.registration_id IS NOT NULL)
         OR EXISTS (SELECT 1 FROM accounts s WHERE s.owner_id = ?2 AND s.people_registration_id <> s.registration_id)
         OR EXISTS (SELECT 1 FROM accounts s WHERE s.owner_id = ?2 AND s.above_registration_id <> s.registration_id)
         OR EXISTS (SELECT 1 FROM joined_registration_ids WHERE registration_id > '')
         OR EXISTS (SELECT 1 FROM former_registration_ids WHERE registration_id > ''))";

/// The account of the owner `?2` that a registration id, which an expression gives, leads to, as an expression: the one that
/// shows it, or of which some source says it.
macro_rules! leads_to {
    ($id:literal) => {
        concat!(
            "coalesce((SELECT s.id FROM accounts s WHERE s.owner_id = ?2 AND s.registration_id = ",
            $id,
            "), ",
            $crate::accounts::sources::unshown!($id),
            ")"
        )
    };
}

pub(in crate::accounts) use differing;
pub(crate) use {leads_to, unshown};

/// Refuses a registration id that leads to another account of the same owner.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::RegistrationIdTaken`].
pub(crate) fn refuse_registered(
    connection: &Connection,
    account_id: Option<AccountId>,
    owner: Option<AccountId>,
    registration_id: &str,
) -> Result<()> {
    let statement = concat!("SELECT 1 FROM (SELECT ", leads_to!("?3"), " AS id) WHERE id IS NOT ?1 AND id IS NOT NULL");
    let taken = connection.query_first(statement, &[account_id.into(), owner.into(), registration_id.into()])?;
    if taken.is_some() { Err(Error::Conflict(Conflict::RegistrationIdTaken)) } else { Ok(()) }
}

/// The accounts that a connector of the account `owner` is bound to and about which sources disagree: what is shown of these may be
/// another without the connector.
pub(crate) async fn disputed(edit: &Edit, connector_id: ConnectorId, owner: AccountId) -> Result<Vec<AccountId>> {
    let statement = concat!(
        "SELECT d.account_id FROM (",
        differing!("?2"),
        ") d WHERE EXISTS (SELECT 1 FROM account_identities i WHERE i.account_id = d.account_id AND i.connector_id = ?1)"
    );
    let found = edit.batch(statement, vec![connector_id.into(), owner.into()]).await?;
    found.into_iter().map(|mut row| row.take("account_id")).collect()
}

/// Forgets what a connector says that stays bound and speaks no more.
pub(crate) async fn forget(edit: &Edit, connector_id: ConnectorId) -> Result<()> {
    let statement =
        "UPDATE account_identities INDEXED BY account_identities_differing SET name = NULL, registration_id = NULL
          WHERE connector_id = ? AND (name IS NOT NULL OR registration_id IS NOT NULL)";
    edit.batch(statement, vec![connector_id.into()]).await.map(drop)
}

/// Shows of fields of accounts what their sources say, after some of these have let go, or count in another order.
pub(crate) async fn settle(edit: &Edit, accounts: &[AccountId], fields: &[Field]) -> Result<()> {
    for page in accounts.chunks(PAGE) {
        Words::of(edit, page, fields).await?.settle(edit).await?;
    }
    Ok(())
}

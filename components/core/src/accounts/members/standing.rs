//! How a person stands to an account, and by which id the account knows the person.

use crate::error::{Error, Result, Thing};
use crate::store::{Row, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};

/// The key of the newest address that the person in whose id an expression gives has proved: what everybody sees who sees the
/// person.
macro_rules! shown_key {
    ($person:literal) => {
        concat!(
            "(SELECT s.key FROM addresses s WHERE s.person_id = ",
            $person,
            " AND s.proved_at IS NOT NULL AND s.retired_at IS NULL ORDER BY s.proved_at DESC, s.key LIMIT 1)"
        )
    };
}

/// Whether the account of the membership `m` knows the person by the address `d`: it has named it, or the person entered by it, or
/// it is shown to everybody there since the person has entered.
macro_rules! knows {
    () => {
        concat!(
            "(m.known_by = d.key OR m.entered_at IS NOT NULL AND d.key = ",
            $crate::accounts::members::shown_key!("d.person_id"),
            ")"
        )
    };
}

pub(crate) use {knows, shown_key};

/// How a person stands to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The person is asked, and has not entered yet.
    Invited,
    /// The person is confined to another account, and in once an address is proved.
    Awaiting,
    /// It works.
    Active,
    /// The account shuts the member out.
    Inactive,
    /// The account has removed the member.
    Removed,
    /// The person has refused the account, or left it.
    Refused,
}

impl Status {
    /// As the store writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Awaiting => "awaiting",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Removed => "removed",
            Self::Refused => "refused",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Invited, Self::Awaiting, Self::Active, Self::Inactive, Self::Removed, Self::Refused]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// What [`Member::read`] reads, of the membership `m` and the person `p`.
pub(super) const MEMBER: &str = "m.person_id, m.status, m.blocked_rank, m.blocked_by, p.confined,
    (SELECT group_concat(g.role, ' ') FROM grants g
      WHERE g.account_id = m.account_id AND g.person_id = m.person_id) AS roles";

/// A member, or somebody who was one.
pub(crate) struct Member {
    /// Who it is now: an id that was given out before may lead there.
    pub(super) person_id: PersonId,
    pub(super) status: Status,
    pub(super) roles: Vec<Role>,
    /// What it takes to lift a block.
    pub(super) blocked_rank: Option<Role>,
    /// The API through which the account has set a block.
    pub(super) blocked_by: Option<String>,
    /// Whether the person's sign-in is confined.
    pub(super) is_confined: bool,
}

impl Member {
    /// The person `person_id`, or who that turned out to be, in the account. `None` if they have nothing to do with each other.
    pub(super) fn find(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<Option<Self>> {
        Self::find_by(transaction, account_id, person_id, "?2")
    }

    /// As [`Self::find`], of the person whose id an expression over the account `?1` and the id `?2` gives.
    pub(super) fn find_by(
        transaction: &Transaction,
        account_id: AccountId,
        id: PersonId,
        expression: &str,
    ) -> Result<Option<Self>> {
        let statement = format!(
            "SELECT {MEMBER} FROM people was JOIN people p ON p.id = coalesce(was.leads_to, was.id)
               JOIN memberships m ON m.account_id = ?1 AND m.person_id = p.id
              WHERE was.id = {expression}"
        );
        transaction.run_first(&statement, &[account_id.into(), id.into()])?.map(Self::read).transpose()
    }

    /// Reads what [`MEMBER`] gives.
    pub(super) fn read(mut row: Row) -> Result<Self> {
        let roles: Option<String> = row.take("roles")?;
        let status: String = row.take("status")?;
        Ok(Self {
            person_id: row.take("person_id")?,
            status: Status::parse(&status).unwrap_or(Status::Inactive),
            roles: role::parse_all(roles.as_deref().unwrap_or_default()),
            blocked_rank: row.take("blocked_rank")?,
            blocked_by: row.take("blocked_by")?,
            is_confined: row.take("confined")?,
        })
    }

    /// As [`Self::find`], of somebody who belongs to the account.
    pub(super) fn require(transaction: &Transaction, account_id: AccountId, person_id: PersonId) -> Result<Self> {
        Self::find(transaction, account_id, person_id)?.filter(Self::belongs).ok_or(Error::NotFound(Thing::Person))
    }

    /// As [`Self::require`], of whom the account knows by this id, see [`known`].
    pub(super) fn require_known(transaction: &Transaction, account_id: AccountId, id: PersonId) -> Result<Self> {
        let member = Self::find_by(transaction, account_id, id, KNOWN)?;
        member.filter(Self::belongs).ok_or(Error::NotFound(Thing::Person))
    }

    /// Whether the member is neither removed nor gone.
    fn belongs(&self) -> bool {
        !matches!(self.status, Status::Removed | Status::Refused)
    }

    /// The roles that it takes to touch the member.
    pub(super) fn ranks(&self) -> impl Iterator<Item = Role> {
        self.roles.iter().copied().chain(self.blocked_rank)
    }
}

/// See [`stands_in`], as a condition of the person `p`.
macro_rules! stands_in {
    () => {
        "p.password_hash IS NULL AND p.leads_to IS NULL
         AND NOT EXISTS (SELECT 1 FROM addresses d WHERE d.person_id = p.id)
         AND NOT EXISTS (SELECT 1 FROM addresses d WHERE d.next_id = p.id)"
    };
}

/// Whom an account means by an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// Whoever holds the address, by whom nobody is meant in the account yet, or whom the account knows by it.
    Holder,
    /// Somebody who stands for the address in this account, and is nobody else.
    StandIn(PersonId),
    /// Nobody yet: the account knows the holder by another address, and is not told that it is the same person.
    Nobody,
}

/// Whom an account means by the address of a key that a person holds. To say something of one address of a member tells nothing of
/// the others: until the member comes by this one, somebody stands for it who has nothing else.
pub(crate) fn meant(transaction: &Transaction, account_id: AccountId, key: &str, holder: PersonId) -> Result<Meant> {
    let mut row = transaction.run_one(
        concat!(
            "SELECT (SELECT m.person_id FROM memberships m JOIN people p ON p.id = m.person_id
                      WHERE m.account_id = ?1 AND m.known_by = ?2 AND m.person_id <> ?3 AND ",
            stands_in!(),
            " LIMIT 1) AS stand_in,
                    EXISTS (SELECT 1 FROM memberships m WHERE m.account_id = ?1 AND m.person_id = ?3
                               AND NOT coalesce(m.known_by = ?2, m.entered_at IS NULL)
                               AND (m.entered_at IS NULL OR ?2 IS NOT ",
            shown_key!("m.person_id"),
            ")) AS is_other"
        ),
        &[account_id.into(), key.into(), holder.into()],
    )?;
    Ok(match (row.take("stand_in")?, row.take("is_other")?) {
        (Some(stand_in), _) => Meant::StandIn(stand_in),
        (None, true) => Meant::Nobody,
        (None, false) => Meant::Holder,
    })
}

/// Whether a person stands for an address in an account, and is nobody else, see [`Meant::StandIn`].
pub(crate) fn stands_in(transaction: &Transaction, person_id: PersonId) -> Result<bool> {
    let statement = concat!("SELECT 1 FROM people p WHERE p.id = ? AND ", stands_in!());
    Ok(transaction.run_first(statement, &[person_id.into()])?.is_some())
}

/// The names of roles, each once, the weakest first: as the audit has them.
pub(super) fn sorted(roles: &[Role]) -> Vec<&'static str> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    role::names(&roles)
}

/// Whom an account knows by an id, as an expression over the two: a person who has entered it, by the person's own id; anybody else, by
/// the id that the account was told. Ids that were told before it was known whose address it is lead on.
macro_rules! known_by_id {
    ($account:literal, $id:literal) => {
        concat!(
            "(SELECT k.person_id FROM memberships k WHERE k.account_id = ",
            $account,
            " AND k.known_as = ",
            $id,
            " UNION ALL
     SELECT e.person_id FROM people told
       JOIN memberships e ON e.account_id = ",
            $account,
            " AND e.person_id = coalesce(told.leads_to, told.id)
      WHERE told.id = ",
            $id,
            " AND (e.entered_at IS NOT NULL OR told.leads_to IS NOT NULL)
      LIMIT 1)"
        )
    };
}
pub(crate) use known_by_id;

/// As [`known_by_id`], over the account `?1` and the id `?2`.
pub(super) const KNOWN: &str = known_by_id!("?1", "?2");

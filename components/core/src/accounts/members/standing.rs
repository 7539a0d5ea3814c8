//! How a person stands to an account, and by which id the account knows the person.

use crate::error::{Error, Result, Thing};
use crate::store::{Connection, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::{self, Role};

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

/// A member, or somebody who was one.
pub(super) struct Member {
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
            "SELECT m.person_id, m.status, m.blocked_rank, m.blocked_by, p.confined,
                    (SELECT group_concat(g.role, ' ') FROM grants g
                      WHERE g.account_id = m.account_id AND g.person_id = m.person_id) AS roles
               FROM people was JOIN people p ON p.id = coalesce(was.leads_to, was.id)
               JOIN memberships m ON m.account_id = ?1 AND m.person_id = p.id
              WHERE was.id = {expression}"
        );
        let row = transaction.run_first(&statement, &[account_id.into(), id.into()])?;
        let Some(mut row) = row else { return Ok(None) };
        let roles: Option<String> = row.take("roles")?;
        let status: String = row.take("status")?;
        Ok(Some(Self {
            person_id: row.take("person_id")?,
            status: Status::parse(&status).unwrap_or(Status::Inactive),
            roles: role::parse_all(roles.as_deref().unwrap_or_default()),
            blocked_rank: row.take("blocked_rank")?,
            blocked_by: row.take("blocked_by")?,
            is_confined: row.take("confined")?,
        }))
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

/// The names of roles, each once, the weakest first: as the audit has them.
pub(super) fn sorted(roles: &[Role]) -> Vec<&'static str> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    role::names(&roles)
}

/// Whom an account knows by this id: a person who has entered it, by the person's own id; anybody else, by the id that the
/// account was told. Ids that were told before it was known whose address it is lead on.
pub(crate) fn known(connection: &Connection, account_id: AccountId, id: PersonId) -> Result<Option<PersonId>> {
    let statement = format!("SELECT {KNOWN} AS person_id");
    connection.query_one(&statement, &[account_id.into(), id.into()])?.take("person_id")
}

/// See [`known`], as an expression over the account `?1` and the id `?2`.
pub(super) const KNOWN: &str = "(SELECT k.person_id FROM memberships k WHERE k.account_id = ?1 AND k.known_as = ?2
     UNION ALL
     SELECT e.person_id FROM people told
       JOIN memberships e ON e.account_id = ?1 AND e.person_id = coalesce(told.leads_to, told.id)
      WHERE told.id = ?2 AND (e.entered_at IS NOT NULL OR told.leads_to IS NOT NULL)
      LIMIT 1)";

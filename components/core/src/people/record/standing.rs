//! What a record gives and takes in its own account: a role to whoever has its address, or a block.

use super::Record;
use crate::accounts::members::{self, Door, Grant, Status};
use crate::auth::caller::CallingConnector;
use crate::error::{Conflict, Error, Faults, Result};
use crate::people::address;
use crate::people::profile::Profile;
use crate::store::Edit;
use crate::values::id::PersonId;
use crate::values::role::Role;

/// What follows from what a record says now and has said until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Consequences {
    /// Whether it takes back what it gave to another address.
    releases: bool,
    /// Whether it lets in whom it means, or shuts them out.
    lets_in: Option<bool>,
}

impl Consequences {
    /// `before` is what the organisation has said until now, and `said` what the request says of `is_active`: what is not said neither
    /// grants nor blocks.
    pub fn of(record: &Record, before: &Profile, said: Option<bool>) -> Self {
        let moved = record.profile.email_key() != before.email_key();
        // Who has entered by the record stays whom it means. A record takes back what it gave itself.
        let releases = moved && record.person_id.is_none() && before.is_active == Some(true);
        let begins = said == Some(true) && (moved || before.is_active != Some(true));
        let follows = moved && said.is_none() && record.profile.is_active == Some(true);
        let is_about_somebody = record.person_id.is_some() || record.profile.email.is_some();
        let lets_in = if said == Some(false) { Some(false) } else { (begins || follows).then_some(true) };
        Self { releases, lets_in: lets_in.filter(|_| is_about_somebody) }
    }

    /// Whether nothing follows for anybody.
    pub fn are_none(self) -> bool {
        !self.releases && self.lets_in.is_none()
    }
}

/// What a record gives and takes in its own account.
pub(super) struct Standing<'a> {
    pub edit: &'a Edit,
    pub connector: &'a CallingConnector,
    pub record: &'a Record,
    /// What the organisation has said until now.
    pub before: &'a Profile,
}

impl Standing<'_> {
    /// Grants, blocks and releases what follows from the record.
    pub async fn settle(&self, consequences: Consequences) -> Result<()> {
        if consequences.releases {
            self.release().await?;
        }
        match consequences.lets_in {
            Some(true) => self.grant().await,
            Some(false) => self.block().await,
            None => Ok(()),
        }
    }

    /// Takes away what the record gave to the address that it had.
    async fn release(&self) -> Result<()> {
        let Some(email) = &self.before.email else { return Ok(()) };
        let holder = address::holder(self.edit.connection(), &email.key)?;
        let Some(person_id) = holder.and_then(|holder| holder.meant()) else { return Ok(()) };
        if self.another_says(person_id, true)? {
            return Ok(());
        }
        members::release(self.edit, self.record.account_id, person_id, Door::Endpoint).await
    }

    /// Whether another record of the organisation says of the person, by whichever address, that it is active, or that it is not.
    fn another_says(&self, person_id: PersonId, is_active: bool) -> Result<bool> {
        let other = self.edit.run_first(
            "SELECT 1 FROM (
                 SELECT r.uuid, r.account_id, r.is_active FROM records r WHERE r.person_id = ?3
                 UNION ALL
                 SELECT r.uuid, r.account_id, r.is_active FROM addresses d
                   JOIN records r ON r.account_id = ?1 AND r.email_key = d.key
                  WHERE d.person_id = ?3 AND d.retired_at IS NULL AND r.person_id IS NULL)
              WHERE account_id = ?1 AND uuid <> ?2 AND is_active = ?4 LIMIT 1",
            &[
                self.record.account_id.into(),
                self.record.uuid.as_str().into(),
                person_id.into(),
                i64::from(is_active).into(),
            ],
        )?;
        Ok(other.is_some())
    }

    async fn block(&self) -> Result<()> {
        let Some(person_id) = self.person().await? else { return Ok(()) };
        let (account_id, rank, known_by) = (self.record.account_id, self.connector.rank, self.known_by());
        let blocked = members::set_active(self.edit, rank, account_id, person_id, known_by, false).await;
        blocked.map_err(|error| match error {
            Error::Forbidden { .. } => of_is_active("cannot be cleared: the member ranks above the client"),
            Error::Conflict(Conflict::LastOwner) => {
                of_is_active("cannot be cleared: nobody else is an active owner of the organisation")
            }
            other => other,
        })
    }

    async fn grant(&self) -> Result<()> {
        let Some(person_id) = self.person().await? else { return Ok(()) };
        // What one record blocks another one does not lift.
        if self.another_says(person_id, false)? {
            return Ok(());
        }
        let account_id = self.record.account_id;
        let (rank, known_by) = (self.connector.rank, self.known_by());
        let unblocked = members::set_active(self.edit, rank, account_id, person_id, known_by, true).await;
        unblocked.map_err(|error| match error {
            Error::Forbidden { .. } => of_is_active("cannot be set: the member ranks above the client"),
            other => other,
        })?;
        let grant = Grant {
            door: Door::Endpoint,
            roles: &[Role::User],
            rank: Some(rank),
            status: Status::Invited,
            known_as: None,
            known_by,
        };
        members::grant(self.edit, account_id, person_id, grant).await.map(drop)
    }

    fn known_by(&self) -> Option<&str> {
        self.record.profile.email_key()
    }

    /// Whom the record means: who has entered by it, or else whoever has its address, or will.
    async fn person(&self) -> Result<Option<PersonId>> {
        match (self.record.person_id, &self.record.profile.email) {
            (Some(person_id), _) => Ok(Some(person_id)),
            (None, Some(email)) => {
                address::refuse_own_domain("email", email).await?;
                address::person_of(self.edit, email).await.map(Some)
            }
            (None, None) => Ok(None),
        }
    }
}

fn of_is_active(fault: &str) -> Error {
    Error::Invalid(Faults::of("is_active", fault))
}

//! The members of an account as they are read, and its open invitations.
//!
//! Who has a role in an account sees who has entered it; who manages it also sees who was asked into it, who is shut out and
//! who has refused. Of somebody who has not entered, the account knows what it was told and what it has said itself, and not
//! whether there is such a person: the id is the membership's, and the address that of the invitation or of the account's own
//! record.

use crate::accounts::hierarchy;
use crate::accounts::members::known_by_id;
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Filter, Item, Listing, Page};
use crate::people::inside;
use crate::people::names::{called, person_known};
use crate::people::seen::{email, is_known, known_as};
use crate::store::{Connection, Value};
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;

/// The roles of the member `m`, as JSON.
const ROLES: &str = "(SELECT json_group_array(DISTINCT g.role) FROM grants g
                       WHERE g.account_id = m.account_id AND g.person_id = m.person_id)";

/// Members, as they are listed.
pub static MEMBERS: Collection = Collection {
    fields: &MEMBER_FIELDS,
    searched: &[called!("name"), called!("first_name"), called!("last_name"), MEMBER_EMAIL],
    words: None,
    unique: &MEMBERSHIP,
    descending: false,
};

static MEMBERSHIP: Field = Field::number("", "m.known_as");

const MEMBER_EMAIL: &str = concat!(
    "iif(",
    is_known!(),
    ", ",
    email!("m.person_id"),
    ", coalesce((SELECT l.address FROM links l
                  WHERE l.account_id = m.account_id AND l.person_id = m.person_id AND l.purpose = 'invitation' LIMIT 1),
                (SELECT r.email FROM records r WHERE r.account_id = m.account_id AND r.email_key = m.known_by),
                (SELECT r.email FROM addresses d JOIN records r ON r.account_id = m.account_id AND r.email_key = d.key
                  WHERE d.person_id = m.person_id ORDER BY r.id LIMIT 1)))"
);

static MEMBER_FIELDS: [Field; 12] = [
    Field::number("id", known_as!()),
    Field::text("email", MEMBER_EMAIL),
    Field::text(
        "username",
        "(SELECT n.name FROM usernames n
           WHERE n.person_id = m.person_id AND n.account_id = m.account_id AND n.kind = 'name' LIMIT 1)",
    ),
    Field::text("name", called!("name")),
    Field::text("firstName", called!("first_name")),
    Field::text("lastName", called!("last_name")),
    // Who is in by what a connector has said, and has not come yet, is asked like everybody else: the rest would tell whether
    // the address is somebody's.
    Field::text(STATUS, "iif(m.entered_at IS NULL AND m.status IN ('awaiting', 'active'), 'invited', m.status)"),
    Field::json("roles", ROLES),
    Field::text(
        "rank",
        "(SELECT g.role FROM grants g WHERE g.account_id = m.account_id AND g.person_id = m.person_id
           ORDER BY instr('owner admin manage user viewer', g.role) LIMIT 1)",
    ),
    Field::json(
        "doors",
        "(SELECT json_group_array(DISTINCT g.door) FROM grants g
           WHERE g.account_id = m.account_id AND g.person_id = m.person_id)",
    ),
    Field::time("enteredAt", "m.entered_at"),
    Field::time("createdAt", "m.created_at"),
];

/// The field that a filter names to ask for more than who has entered.
const STATUS: &str = "status";

/// Invitations, as they are listed.
pub static INVITATIONS: Collection = Collection {
    fields: &INVITATION_FIELDS,
    searched: &["l.address", "m.first_name", "m.last_name"],
    words: None,
    unique: &MEMBERSHIP,
    descending: false,
};

static INVITATION_FIELDS: [Field; 7] = [
    Field::number("id", "m.known_as"),
    Field::text("email", "l.address"),
    Field::text("firstName", "m.first_name"),
    Field::text("lastName", "m.last_name"),
    Field::json("roles", ROLES),
    Field::time("createdAt", "l.created_at"),
    Field::time("expiresAt", "l.expires_at"),
];

/// Lists the members of an account: those who have entered it, or those of any status, if the filter speaks of that and the caller
/// manages the account.
///
/// # Errors
///
/// [`Error::NotFound`] for an account that the caller may not see.
pub fn list(connection: &Connection, caller: &Caller, account_id: AccountId, listing: &Listing) -> Result<Page> {
    let manages = hierarchy::roles(connection, caller, account_id)?.hold(Role::Manage);
    let asked = listing.filter.as_ref().is_some_and(|filter: &Filter| filter.names(STATUS));
    listing.read(connection, &members(account_id, manages && asked))
}

/// A member of an account, by the id by which the account knows it: of any status, if the caller manages the account.
///
/// # Errors
///
/// [`Error::NotFound`] for an account that the caller may not see, and for somebody who is no member of it or whom the caller may
/// not see there.
pub fn load(connection: &Connection, caller: &Caller, account_id: AccountId, id: PersonId) -> Result<Item> {
    const NONE: Error = Error::NotFound(Thing::Person);
    let joined = concat!(
        "memberships m ON m.account_id = a.id AND m.person_id = ",
        known_by_id!("?3", "?4"),
        " ",
        person_known!()
    );
    let (roles, found) = inside::find(connection, caller, account_id, id, &MEMBERS, joined)?;
    let status = MEMBERS.fields.iter().position(|field| field.name == STATUS);
    let is_seen = |item: &Item| {
        let status = status.and_then(|index| item.values.get(index));
        roles.hold(Role::Manage) || matches!(status, Some(Value::Text(status)) if status == "active")
    };
    found.filter(is_seen).ok_or(NONE)
}

/// The members of an account, as `m`, and what the account knows of each as a person, as `p`.
fn members(account_id: AccountId, of_any_status: bool) -> Source {
    let condition = if of_any_status { "" } else { " AND m.status = 'active' AND m.entered_at IS NOT NULL" };
    Source {
        with: "",
        from: format!(concat!("memberships m ", person_known!(), " WHERE m.account_id = ?1{}"), condition),
        parameters: vec![account_id.into()],
        ..Source::default()
    }
}

/// Lists the invitations to an account that nobody has accepted yet, expired ones too: they can be sent again.
///
/// # Errors
///
/// [`Error::NotFound`] or [`Error::Forbidden`] without the manage role in the account.
pub fn list_invitations(
    connection: &Connection,
    caller: &Caller,
    account_id: AccountId,
    listing: &Listing,
) -> Result<Page> {
    hierarchy::roles(connection, caller, account_id)?.require(Role::Manage)?;
    listing.read(connection, &invitations(account_id))
}

/// An invitation to an account, by the id by which the account knows who is invited.
///
/// # Errors
///
/// As [`list_invitations`]; [`Error::NotFound`] for somebody who has no open invitation.
pub fn load_invitation(connection: &Connection, caller: &Caller, account_id: AccountId, id: PersonId) -> Result<Item> {
    const NONE: Error = Error::NotFound(Thing::Person);
    let joined = concat!(
        "memberships m ON m.account_id = a.id AND m.status = 'invited' AND m.person_id = ",
        known_by_id!("?3", "?4"),
        " AND EXISTS (SELECT 1 FROM links l WHERE l.account_id = a.id AND l.person_id = m.person_id AND l.purpose = 'invitation')
         LEFT JOIN links l ON l.account_id = a.id AND l.person_id = m.person_id AND l.purpose = 'invitation'"
    );
    let (roles, found) = inside::find(connection, caller, account_id, id, &INVITATIONS, joined)?;
    roles.require(Role::Manage)?;
    found.ok_or(NONE)
}

/// The open invitations to an account, as `l`, with their memberships, as `m`.
fn invitations(account_id: AccountId) -> Source {
    Source {
        with: "",
        from: "links l JOIN memberships m ON m.account_id = l.account_id AND m.person_id = l.person_id
               WHERE l.account_id = ?1 AND l.purpose = 'invitation' AND m.status = 'invited'"
            .to_owned(),
        parameters: vec![account_id.into()],
        ..Source::default()
    }
}

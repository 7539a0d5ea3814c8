//! What the lists of the accounts API are to clients of `OData`: its `$metadata`, as CSDL XML and as CSDL JSON.
//!
//! It is made of the collections of core, by whose fields a list is filtered, ordered and shown. What each is called, where it is,
//! and what names one of it is said here.

use std::collections::BTreeSet;

use accord_core::accounts::joins::readings::JOINED;
use accord_core::accounts::listing::ACCOUNTS;
use accord_core::accounts::sources::readings::{DISAGREEMENTS, SOURCES};
use accord_core::connectors::naming::IDENTITIES;
use accord_core::odata::{Collection, Field, Kind};
use accord_core::people::history::EVENTS;
use accord_core::people::listing::PEOPLE;
use accord_core::people::names::NAMES;
use accord_core::people::record_listing::RECORDS;
use accord_core::people::roster::{INVITATIONS, MEMBERS};
use maud::html;
use serde_json::{Map, Value, json};

/// The namespace of the types.
const NAMESPACE: &str = "Accord";

/// The name of the container of the sets.
const CONTAINER: &str = "Directory";

/// What a list is one of.
struct Type {
    name: &'static str,
    collection: &'static Collection,
    /// The field that names one of them. What has none is no entity: what connectors call an account, for example.
    key: Option<&'static str>,
    /// What lies below one: a segment of the path, and the type.
    below: &'static [(&'static str, &'static str)],
}

const TYPES: [Type; 11] = [
    Type {
        name: "Account",
        collection: &ACCOUNTS,
        key: Some("id"),
        below: &[
            ("users", "Member"),
            ("invitations", "Invitation"),
            ("identities", "Identity"),
            ("records", "Record"),
            ("sources", "Word"),
            ("disagreements", "Disagreement"),
            ("names", "Name"),
            ("joined", "Joined"),
            ("audit", "Event"),
        ],
    },
    Type { name: "Member", collection: &MEMBERS, key: Some("id"), below: &[] },
    Type { name: "Invitation", collection: &INVITATIONS, key: Some("id"), below: &[] },
    Type { name: "Identity", collection: &IDENTITIES, key: None, below: &[] },
    Type { name: "Word", collection: &SOURCES, key: None, below: &[] },
    Type { name: "Disagreement", collection: &DISAGREEMENTS, key: None, below: &[] },
    Type { name: "Name", collection: &NAMES, key: None, below: &[] },
    Type { name: "Joined", collection: &JOINED, key: None, below: &[] },
    Type { name: "Record", collection: &RECORDS, key: Some("id"), below: &[] },
    Type { name: "Event", collection: &EVENTS, key: Some("id"), below: &[] },
    Type { name: "User", collection: &PEOPLE, key: Some("id"), below: &[] },
];

/// The lists that lie below nothing: a segment of the path, and the type.
const SETS: [(&str, &str); 3] = [("accounts", "Account"), ("users", "User"), ("audit", "Event")];

/// The fields that are lists of texts. What else has no type of its own is an object of any kind.
const LISTS: [&str; 2] = ["roles", "doors"];

/// What lies below an entity: an entity that is a part of it, one of a set, or a value without a name.
enum Below {
    Contained,
    OfSet(&'static str),
    Values,
}

impl Below {
    fn of(name: &str) -> Self {
        let set = SETS.iter().find(|(_, of)| *of == name);
        match TYPES.iter().find(|one| one.name == name).and_then(|one| one.key) {
            None => Self::Values,
            Some(_) => set.map_or(Self::Contained, |(set, _)| Self::OfSet(set)),
        }
    }
}

/// The type of a field, and whether it has several values.
fn kind(field: &Field) -> (&'static str, bool) {
    match field.kind {
        Kind::Text => ("Edm.String", false),
        Kind::Number => ("Edm.Int64", false),
        Kind::Time => ("Edm.DateTimeOffset", false),
        Kind::Boolean => ("Edm.Boolean", false),
        Kind::Json if LISTS.contains(&field.name) => ("Edm.String", true),
        Kind::Json | Kind::Null => ("Edm.Untyped", false),
    }
}

fn qualified(name: &str) -> String {
    format!("{NAMESPACE}.{name}")
}

/// The type of several.
fn several(name: &str) -> String {
    format!("Collection({name})")
}

/// As CSDL XML. Nothing of it is newer than version 4.0, so that older clients read it, too.
pub fn xml() -> String {
    let property = |one: &Type, field: &Field| {
        let (name, is_several) = kind(field);
        let name = if is_several { several(name) } else { name.to_owned() };
        let is_key = one.key == Some(field.name);
        html! { Property Name=(field.name) Type=(name) Nullable=((!is_key && !is_several).to_string()) {} }
    };
    let below = |segment: &str, name: &str| {
        let of = several(&qualified(name));
        match Below::of(name) {
            Below::Contained => html! { NavigationProperty Name=(segment) Type=(of) ContainsTarget="true" {} },
            Below::OfSet(_) => html! { NavigationProperty Name=(segment) Type=(of) {} },
            Below::Values => html! { Property Name=(segment) Type=(of) Nullable="false" {} },
        }
    };
    let members = |one: &Type| {
        html! {
            @for field in one.collection.fields { (property(one, field)) }
            @for (segment, name) in one.below { (below(segment, name)) }
        }
    };
    let set = |set: &str, name: &str| {
        let of = TYPES.iter().find(|one| one.name == name).map_or(&[][..], |one| one.below);
        html! {
            EntitySet Name=(set) EntityType=(qualified(name)) {
                @for (segment, name) in of {
                    @if let Below::OfSet(set) = Below::of(name) { NavigationPropertyBinding Path=(segment) Target=(set) {} }
                }
            }
        }
    };
    let schema = html! {
        @for one in &TYPES {
            @if let Some(key) = one.key {
                EntityType Name=(one.name) { Key { PropertyRef Name=(key) {} } (members(one)) }
            } @else {
                ComplexType Name=(one.name) { (members(one)) }
            }
        }
        EntityContainer Name=(CONTAINER) {
            @for (segment, name) in SETS { (set(segment, name)) }
        }
    };
    // HTML has no elements that end themselves, and lines are for people.
    let empty = ["PropertyRef", "Property", "NavigationPropertyBinding", "NavigationProperty", "EntitySet"];
    let schema = empty.iter().fold(schema.into_string(), |xml, name| xml.replace(&format!("\"></{name}>"), "\"/>"));
    let schema = schema.replace("><", ">\n<");
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices>
<Schema Namespace="{NAMESPACE}" xmlns="http://docs.oasis-open.org/odata/ns/edm">
{schema}
</Schema>
</edmx:DataServices>
</edmx:Edmx>
"#
    )
}

/// As CSDL JSON.
pub fn json() -> Value {
    let property = |one: &Type, field: &Field| {
        let (name, is_several) = kind(field);
        let mut property = json!({ "$Type": name });
        if is_several {
            property["$Collection"] = true.into();
        } else if one.key != Some(field.name) {
            property["$Nullable"] = true.into();
        }
        (field.name.to_owned(), property)
    };
    let below = |(segment, name): &(&str, &str)| {
        let mut below = json!({ "$Collection": true, "$Type": qualified(name) });
        match Below::of(name) {
            Below::Contained => {
                below["$Kind"] = "NavigationProperty".into();
                below["$ContainsTarget"] = true.into();
            }
            Below::OfSet(_) => below["$Kind"] = "NavigationProperty".into(),
            Below::Values => {}
        }
        ((*segment).to_owned(), below)
    };
    let mut schema = Map::new();
    for one in &TYPES {
        let mut described = match one.key {
            Some(key) => json!({ "$Kind": "EntityType", "$Key": [key] }),
            None => json!({ "$Kind": "ComplexType" }),
        };
        let fields = one.collection.fields.iter().map(|field| property(one, field));
        if let Some(described) = described.as_object_mut() {
            described.extend(fields.chain(one.below.iter().map(below)));
        }
        schema.insert(one.name.to_owned(), described);
    }
    let mut container = json!({ "$Kind": "EntityContainer" });
    for (set, name) in SETS {
        let of = TYPES.iter().find(|one| one.name == name).map_or(&[][..], |one| one.below);
        let bindings = of.iter().filter_map(|(segment, name)| match Below::of(name) {
            Below::OfSet(set) => Some(((*segment).to_owned(), Value::from(set))),
            _ => None,
        });
        let bindings: Map<_, _> = bindings.collect();
        let mut described = json!({ "$Collection": true, "$Type": qualified(name) });
        if !bindings.is_empty() {
            described["$NavigationPropertyBinding"] = bindings.into();
        }
        container[set] = described;
    }
    schema.insert(CONTAINER.to_owned(), container);
    json!({ "$Version": "4.01", "$EntityContainer": qualified(CONTAINER), NAMESPACE: schema })
}

/// The paths of the lists, as the description of the API has them, and the fields of what each lists.
pub fn paths() -> Vec<(String, BTreeSet<&'static str>)> {
    let of = |name: &str| TYPES.iter().find(|one| one.name == name).expect("a set and what lies below is of a type");
    let fields = |one: &Type| one.collection.fields.iter().map(|field| field.name).collect();
    let sets = SETS.iter().map(|(set, name)| (format!("/api/{set}"), fields(of(name))));
    let below = SETS.iter().flat_map(|(set, name)| {
        of(name).below.iter().map(move |(segment, name)| (format!("/api/{set}/{{id}}/{segment}"), fields(of(name))))
    });
    sets.chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_the_xml_ends() {
        let xml = xml();
        let mut open = Vec::new();
        for tag in xml.split('<').skip(2).map(|rest| rest.split_once('>').expect("a tag").0) {
            let name = tag.trim_matches('/').split(' ').next();
            if tag.starts_with('/') {
                assert_eq!(open.pop().flatten(), name, "{tag}");
            } else if !tag.ends_with("\"/") {
                assert!(!tag.contains('/') || tag.contains("http:"), "{tag}");
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn what_lies_below_is_a_type_and_a_key_is_a_field() {
        for one in &TYPES {
            assert!(
                one.key.is_none_or(|key| one.collection.fields.iter().any(|field| field.name == key)),
                "{}",
                one.name
            );
            for (segment, name) in one.below {
                assert!(TYPES.iter().any(|other| other.name == *name), "{segment}");
            }
        }
    }
}

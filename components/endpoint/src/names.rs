//! The document's names of the fields. The directory has its own, and tells faults by them.

/// The document's name for each field of the directory's records that a fault may be about.
pub const NAMES: [(&str, &str); 16] = [
    ("id", "Id"),
    ("owner", "TenantId"),
    ("name", "Name"),
    ("first_name", "FirstName"),
    ("last_name", "LastName"),
    ("phone", "Phone"),
    ("phone_verified", "PhoneVerified"),
    ("email", "Email"),
    ("language", "LanguageId"),
    ("time_zone", "TimezoneId"),
    ("date_format", "DateFormatId"),
    ("username", "Username"),
    ("external_id", "ExternalId"),
    ("notify_by_email", "NotifyByEmail"),
    ("notify_by_sms", "NotifyBySMS"),
    ("is_active", "Is_Active"),
];

/// What the document calls a field of the directory.
pub fn document_name(field: &str) -> &str {
    NAMES.iter().find(|(name, _)| *name == field).map_or(field, |(_, name)| name)
}

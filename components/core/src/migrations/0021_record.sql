-- A record is found by its UUID. The plus keeps SQLite from walking all records of the account instead, of which it expects ten.
DROP TRIGGER steps_record;
CREATE TRIGGER steps_record INSTEAD OF INSERT ON steps WHEN new.step = 'record' BEGIN
    UPDATE records
       SET version = version + 1, updated_at = new.common ->> 1, person_id = value ->> 1, name = value ->> 2, first_name = value ->> 3,
           last_name = value ->> 4, phone = value ->> 5, phone_verified = value ->> 6, email = value ->> 7, email_key = value ->> 8,
           language = value ->> 9, time_zone = value ->> 10, date_format = value ->> 11, username = value ->> 12,
           username_key = value ->> 13, external_id = value ->> 14, notify_by_email = value ->> 15, notify_by_sms = value ->> 16,
           is_active = value ->> 17
      FROM json_each(new.rows) WHERE records.uuid = value ->> 0 AND +records.account_id = new.common ->> 0;
END;

-- Times of accounts are shown, and so compared, to the second. Those of before had milliseconds: a filter by the time that was
-- shown missed them.
UPDATE accounts SET created_at = created_at - created_at % 1000, updated_at = updated_at - updated_at % 1000
 WHERE created_at % 1000 <> 0 OR updated_at % 1000 <> 0;

-- The present, in the order of events.
-- KEYS: log
return last_id(KEYS[1])

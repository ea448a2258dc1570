-- Drops old entries of the log.
-- KEYS: log
-- ARGV: retention
trim(KEYS[1], tonumber(ARGV[1]))

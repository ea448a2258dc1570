-- Logs that the tokens of a realm are revoked, and remembers when in the order of the log that was. Returns whether the
-- entry was shortened.
-- KEYS: log, end of the realm
-- ARGV: retention, seconds for which to remember it, kind, realm, value, before, until
local retention, remember = tonumber(ARGV[1]), ARGV[2]
local entry = add(KEYS[1], retention, unpack(ARGV, 3, 7))
redis.call('SET', KEYS[2], entry, 'EX', remember)
trim(KEYS[1], retention)
return shortened

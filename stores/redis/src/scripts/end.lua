-- Removes a session, and logs what is to be logged. Says whether there was one, and whether the entry was
-- shortened.
-- KEYS: session, log
-- ARGV: retention, id, prefix of the keys of subjects; for an entry also kind, realm, value, before, until
local retention, id, subjects = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local realm, subject = unpack(redis.call('HMGET', KEYS[1], 'realm', 'subject'))
-- Before anything else, so that nothing that is wrong with the entry keeps the session alive.
local ended = redis.call('DEL', KEYS[1])
if realm and subject then
  -- It has the hash tag of the other keys.
  redis.call('ZREM', subjects .. #realm .. ':' .. realm .. ':' .. subject, id)
end
if ARGV[4] then
  add(KEYS[2], retention, unpack(ARGV, 4, 8))
  trim(KEYS[2], retention)
end
return { ended, shortened }

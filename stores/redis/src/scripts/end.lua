-- Removes a session, and logs what is to be logged: where the tokens of the session live for longer than the entry
-- says, that the session is revoked until then. Returns whether an entry was shortened, and the end of the tokens if
-- there was a session.
-- KEYS: session, log
-- ARGV: retention, id, prefix of the keys of subjects; for an entry also kind, realm, value, before, until
local retention, id, subjects = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local realm, subject, tokens = unpack(redis.call('HMGET', KEYS[1], 'realm', 'subject', 'tokens'))
-- Before anything else, so that nothing that is wrong with the entry keeps the session alive.
local ended = redis.call('DEL', KEYS[1])
if realm and subject then
  -- It has the hash tag of the other keys.
  redis.call('ZREM', subjects .. #realm .. ':' .. realm .. ':' .. subject, id)
end
if ended == 1 and not tonumber(tokens or '') then
  tokens = ARGV[8] or string.format('%d', now + retention)
end
if ARGV[4] then
  if ended == 1 and tonumber(tokens) > tonumber(ARGV[8]) then
    add(KEYS[2], retention, 'session', '', id, '', tokens)
  else
    add(KEYS[2], retention, unpack(ARGV, 4, 8))
  end
  trim(KEYS[2], retention)
end
return { shortened, ended == 1 and tokens }

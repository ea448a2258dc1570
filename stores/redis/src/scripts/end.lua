-- Removes a session and logs that. Says whether there was one.
-- KEYS: session, log
-- ARGV: retention, id, until, prefix of the keys of subjects
local retention, id, expires, subjects = unpack(ARGV)
if outlives(expires, retention) then
  return refusal()
end
local subject = redis.call('HGET', KEYS[1], 'subject')
if subject then
  redis.call('DEL', KEYS[1])
  -- It has the hash tag of the other keys.
  redis.call('ZREM', subjects .. subject, id)
end
redis.call('XADD', KEYS[2], '*', 'kind', 'session', 'value', id, 'before', '', 'until', expires)
trim(KEYS[2], retention)
return subject and 1 or 0

-- Removes all sessions of a subject and logs that. Returns the ids.
-- KEYS: subject, log
-- ARGV: retention, subject, before, until, prefix of the keys of sessions
local retention, subject, before, expires, sessions = unpack(ARGV)
if outlives(expires, retention) then
  return refusal()
end
local ended = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  -- It has the hash tag of the other keys.
  if redis.call('DEL', sessions .. id) == 1 then
    redis.call('XADD', KEYS[2], '*', 'kind', 'session', 'value', id, 'before', '', 'until', expires)
    ended[#ended + 1] = id
  end
end
redis.call('DEL', KEYS[1])
redis.call('XADD', KEYS[2], '*', 'kind', 'subject', 'value', subject, 'before', before, 'until', expires)
trim(KEYS[2], retention)
return ended

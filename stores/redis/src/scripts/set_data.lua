-- Replaces the data of a session, if it is what was expected. Returns 1 if it is, and 0 if not, or without a session.
-- KEYS: session
-- ARGV: name of the field; for what is expected, then for what it becomes: 1 and the data, or 0 for none
local field = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local found = redis.call('HGET', KEYS[1], field)
if ARGV[2] == '1' and found ~= ARGV[3] or ARGV[2] == '0' and found then
  return 0
end
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], field, ARGV[5])
else
  redis.call('HDEL', KEYS[1], field)
end
return 1

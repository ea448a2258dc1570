-- Adds an API key, unless its id is taken. Returns 1 if it is there now, and 0 if another one is.
-- KEYS: API key, index of its subject
-- ARGV: id, hash, names and values of the fields
local found = redis.call('HGET', KEYS[1], 'hash')
if found then
  -- The client of a cluster sends a command again when its answer was lost.
  return found == ARGV[2] and 1 or 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('SADD', KEYS[2], ARGV[1])
return 1

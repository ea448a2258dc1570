-- Removes an API key. Returns 1 if there was one, else 0.
-- KEYS: API key
-- ARGV: id
local index = redis.call('HGET', KEYS[1], 'index')
if not index then
  return 0
end
redis.call('DEL', KEYS[1])
-- It has the hash tag of the other keys.
redis.call('SREM', index, ARGV[1])
return 1

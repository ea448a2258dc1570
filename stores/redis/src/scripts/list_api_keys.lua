-- The API keys of a subject: the fields of each.
-- KEYS: index of the subject
-- ARGV: prefix of API keys, names of the fields
local found = {}
for i, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  -- It has the hash tag of the other keys.
  found[i] = redis.call('HMGET', ARGV[1] .. id, unpack(ARGV, 2))
end
return found

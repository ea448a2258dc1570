-- The sessions of a subject that have not expired: id and fields of each.
-- KEYS: subject
-- ARGV: now, prefix of the keys of sessions, names of the fields
local found = {}
for i, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')) do
  -- It has the hash tag of the other keys.
  found[i] = { id, redis.call('HMGET', ARGV[2] .. id, unpack(ARGV, 3)) }
end
return found

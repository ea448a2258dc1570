-- Writes a session, if its current hash is the expected one. Says whether it is.
-- KEYS: session, subject
-- ARGV: id, expected hash (empty: there is no session), expiry, when to remove it,
--       number of absent fields, their names, names and values of the others
local id, expected, expires, remove = unpack(ARGV, 1, 4)
if (redis.call('HGET', KEYS[1], 'current') or '') ~= expected then
  return 0
end
local last_absent = 5 + tonumber(ARGV[5])
redis.call('HSET', KEYS[1], unpack(ARGV, last_absent + 1))
if last_absent > 5 then
  redis.call('HDEL', KEYS[1], unpack(ARGV, 6, last_absent))
end
redis.call('EXPIREAT', KEYS[1], remove)

-- The index lives as long as the session that expires last, and forgets those that are gone.
local margin = remove - expires
redis.call('ZADD', KEYS[2], expires, id)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', redis.call('TIME')[1] - margin)
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
if last then
  redis.call('EXPIREAT', KEYS[2], string.format('%d', last + margin))
end
return 1

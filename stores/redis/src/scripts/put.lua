-- Writes a session, if its current hash is the expected one. Returns 1 if it is, 0 if it is not, and -1 where all
-- sessions of the subject, or of the realm, were ended since the login began.
-- KEYS: session, subject; to add a session also: end, log, end of the realm
-- ARGV: id, expected hash (empty: there is no session), when the login began, expiry, when to remove it,
--       number of absent fields, their names, names and values of the others
local id, expected, begun, expires, remove = unpack(ARGV, 1, 5)
if KEYS[3] then
  -- The id of an entry is the time at which the server added it, and never lower than one before. So the order
  -- also holds where a replica without the last writes takes over: what it adds from then on has later
  -- ids than what it has never heard of, unless its clock is behind by more than the takeover took. Even
  -- then a login is refused that began after all that this server knows: what was lost may concern it.
  for _, end_key in ipairs({ KEYS[3], KEYS[5] }) do
    local ended = redis.call('GET', end_key)
    if ended and is_later(ended, begun) then
      return -1
    end
  end
  if is_later(begun, last_id(KEYS[4])) then
    return -1
  end
end
if (redis.call('HGET', KEYS[1], 'current') or '') ~= expected then
  return 0
end
local last_absent = 6 + tonumber(ARGV[6])
redis.call('HSET', KEYS[1], unpack(ARGV, last_absent + 1))
if last_absent > 6 then
  redis.call('HDEL', KEYS[1], unpack(ARGV, 7, last_absent))
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

-- Notes the use of an API key, if it is there and no later one is noted.
-- KEYS: API key
-- ARGV: when it was used
local index, used = unpack(redis.call('HMGET', KEYS[1], 'index', 'last_used_at'))
if index and tonumber(used or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'last_used_at', ARGV[1])
end
return redis.status_reply('OK')

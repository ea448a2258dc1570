-- The epoch: its name, since when, and whether the server keeps its own name to itself. A server has another name once
-- it was promoted, was restarted, or is another one that has its data from a dump.
-- KEYS: epoch
local info = redis.pcall('INFO', 'replication')
local id = type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
local kept, since = unpack(redis.call('HMGET', KEYS[1], 'id', 'since'))
local is_hidden = not id
if is_hidden then
  id = kept and kept ~= 'restored' and kept or 'unknown'
end
if kept ~= id then
  redis.call('HSET', KEYS[1], 'id', id)
  -- Without a name there was no epoch before.
  if kept then
    since = redis.call('TIME')[1]
    redis.call('HSET', KEYS[1], 'since', since)
  end
end
return { id, since, is_hidden and 1 or 0 }

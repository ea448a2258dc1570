-- What the scripts that revoke something share: it stands before each of them.

-- The clock of the server, whatever the nodes think the time is.
local now = tonumber(redis.call('TIME')[1])

-- Drops entries that are older than `retention` seconds, whole blocks at a time.
local function trim(log, retention)
  redis.call('XTRIM', log, 'MINID', '~', string.format('%d', (now - retention) * 1000))
end

-- Whether an entry would be dropped while it still counts.
local function outlives(expires, retention)
  return tonumber(expires) > now + tonumber(retention)
end

local function refusal()
  return redis.error_reply('RETENTION an entry has to be kept for longer than the retention of the log')
end

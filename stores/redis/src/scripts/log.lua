-- What the scripts that revoke something share: it stands before each of them.

-- The clock of the server, whatever the nodes think the time is.
local now = tonumber(redis.call('TIME')[1])

-- Whether an entry had to be shortened.
local shortened = 0

-- Whether an entry would be dropped while it still counts.
local function outlives(expires, retention)
  return tonumber(expires) > now + retention
end

-- Adds an entry, which counts no longer than the log keeps it. Returns its id.
local function add(log, retention, kind, realm, value, before, expires)
  if outlives(expires, retention) then
    expires = string.format('%d', now + retention)
    shortened = 1
  end
  return redis.call('XADD', log, '*', 'kind', kind, 'realm', realm, 'value', value, 'before', before, 'until', expires)
end

-- Drops entries that are older than `retention` seconds, whole blocks at a time.
local function trim(log, retention)
  local oldest = math.max(0, now - retention) * 1000
  redis.call('XTRIM', log, 'MINID', '~', string.format('%d', oldest))
end

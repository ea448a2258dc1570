-- Adds entries to the log, all of them or none.
-- KEYS: log
-- ARGV: retention, then for each entry kind, realm, value, before, until
local retention = tonumber(ARGV[1])
for i = 2, #ARGV, 5 do
  if outlives(ARGV[i + 4], retention) then
    return redis.error_reply('RETENTION an entry has to be kept for longer than the retention of the log')
  end
end
-- First: a script that has removed something may go on when the memory is full.
trim(KEYS[1], retention)
for i = 2, #ARGV, 5 do
  add(KEYS[1], retention, unpack(ARGV, i, i + 4))
end

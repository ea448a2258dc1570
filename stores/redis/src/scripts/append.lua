-- Adds entries to the log.
-- KEYS: log
-- ARGV: retention, then for each entry kind, value, before, until
local retention = ARGV[1]
for i = 2, #ARGV, 4 do
  if outlives(ARGV[i + 3], retention) then
    return refusal()
  end
end
for i = 2, #ARGV, 4 do
  redis.call('XADD', KEYS[1], '*', 'kind', ARGV[i], 'value', ARGV[i + 1], 'before', ARGV[i + 2], 'until', ARGV[i + 3])
end
trim(KEYS[1], retention)

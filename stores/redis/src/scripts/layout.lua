-- Looks for keys of the first layout, a part at a time, and writes down which layout there is when there are none.
-- Returns the layout, which is empty as long as it is not known, and where to go on.
-- KEYS: layout, log of the first layout
-- ARGV: layout of this program, pattern of the other keys of the first layout, where to go on
local known = redis.call('GET', KEYS[1])
if known then
  return { known, '0' }
end
local cursor, found = unpack(redis.call('SCAN', ARGV[3], 'MATCH', ARGV[2], 'COUNT', 1000))
if #found > 0 or redis.call('EXISTS', KEYS[2]) == 1 then
  return { '1', '0' }
end
if cursor ~= '0' then
  return { '', cursor }
end
redis.call('SET', KEYS[1], ARGV[1])
return { ARGV[1], '0' }

-- Replaces a sealed ring, if it is what was expected. Returns 1 if it is, and 0 if not. A ring never expires.
-- KEYS: ring
-- ARGV: what it becomes, what is expected (absent: there is no ring)
local found = redis.call('GET', KEYS[1])
-- The client of a cluster sends a command again when its answer was lost.
if found == ARGV[1] then
  return 1
end
if found ~= (ARGV[2] or false) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1

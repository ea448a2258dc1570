-- Removes the API keys of a subject. Returns how many there were.
-- KEYS: index of the subject
-- ARGV: prefix of API keys
local ended = 0
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  -- It has the hash tag of the other keys.
  ended = ended + redis.call('DEL', ARGV[1] .. id)
end
redis.call('DEL', KEYS[1])
return ended

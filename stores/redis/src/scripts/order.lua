-- The order of events: that of the ids in the log. It stands before the scripts that go by it.

-- The id of the last entry that was ever added.
local function last_id(log)
  if redis.call('EXISTS', log) == 0 then
    return '0-0'
  end
  local info = redis.call('XINFO', 'STREAM', log)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      return info[i + 1]
    end
  end
end

-- Compares numbers as text: they have up to 64 bits, and a number of Lua has 53.
local function is_greater(one, other)
  if #one ~= #other then
    return #one > #other
  end
  return one > other
end

local function is_later(one, other)
  local time, number = string.match(one, '^(%d+)-(%d+)$')
  local other_time, other_number = string.match(other, '^(%d+)-(%d+)$')
  if time ~= other_time then
    return is_greater(time, other_time)
  end
  return is_greater(number, other_number)
end

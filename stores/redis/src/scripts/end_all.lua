-- Removes all sessions of a subject, logs that, and remembers when in the order of the log it was. Returns
-- whether an entry was shortened, then id and end of the tokens of each session.
-- KEYS: subject, log, end
-- ARGV: retention, realm, subject, before, until, prefix of the keys of sessions,
--       seconds for which to remember it
local retention = tonumber(ARGV[1])
local realm, subject, before, expires, sessions, remember = unpack(ARGV, 2, 7)
local ids = redis.call('ZRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
local ended = {}
for _, id in ipairs(ids) do
  -- It has the hash tag of the other keys.
  local key = sessions .. id
  local tokens = redis.call('HGET', key, 'tokens')
  if redis.call('DEL', key) == 1 then
    if not tonumber(tokens or '') then
      tokens = expires
    end
    add(KEYS[2], retention, 'session', '', id, '', tokens)
    ended[#ended + 1] = { id, tokens }
  end
end
local entry = add(KEYS[2], retention, 'sessionless', realm, subject, before, expires)
redis.call('SET', KEYS[3], entry, 'EX', remember)
trim(KEYS[2], retention)
return { shortened, ended }

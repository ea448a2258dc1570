-- Looks at a part of the sessions, and removes those of a realm that began before a time. Logs each whose tokens live
-- longer than the revocation of the realm covers. Returns where to go on, whether an entry was shortened, then id and
-- end of the tokens of each session.
-- KEYS: log
-- ARGV: retention, where to go on, pattern of the keys of sessions, their prefix, prefix of the keys of subjects, realm,
--       begun before, tokens covered until
local retention = tonumber(ARGV[1])
local cursor, pattern, sessions, subjects, realm = unpack(ARGV, 2, 6)
local begun_before, covered = tonumber(ARGV[7]), tonumber(ARGV[8])
-- All of these keys have the hash tag of the log.
local next, found = unpack(redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000))
local ended = {}
for _, key in ipairs(found) do
  local of, subject, created, tokens = unpack(redis.call('HMGET', key, 'realm', 'subject', 'created', 'tokens'))
  if of == realm and (tonumber(created or '') or begun_before - 1) < begun_before then
    local id = string.sub(key, #sessions + 1)
    redis.call('DEL', key)
    if subject then
      redis.call('ZREM', subjects .. #realm .. ':' .. realm .. ':' .. subject, id)
    end
    if not tonumber(tokens or '') then
      tokens = string.format('%d', now + retention)
    end
    if tonumber(tokens) > covered then
      add(KEYS[1], retention, 'session', '', id, '', tokens)
    end
    ended[#ended + 1] = { id, tokens }
  end
end
return { next, shortened, ended }

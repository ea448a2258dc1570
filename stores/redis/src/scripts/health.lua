-- Writes, and takes it back: a server that refuses writes (a replica, no memory, no disk, too few replicas) is an error.
-- KEYS: a key of its own
redis.call('SET', KEYS[1], '')
redis.call('DEL', KEYS[1])

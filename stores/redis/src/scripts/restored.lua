-- Lets the next look at the epoch begin another one. An operator may set this by hand.
-- KEYS: epoch
redis.call('HSET', KEYS[1], 'id', 'restored')

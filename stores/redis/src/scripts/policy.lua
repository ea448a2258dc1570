-- What the server does when its memory is full. KEYS only lead to the right node of a cluster.
return string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:(%S+)')

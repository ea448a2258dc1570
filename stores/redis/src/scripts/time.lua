-- The clock of the server, in seconds. KEYS only lead to the right node of a cluster.
return redis.call('TIME')[1]

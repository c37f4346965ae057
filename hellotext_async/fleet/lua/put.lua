#!lua
-- PUT: append new events, and remember their ids. Idempotent by the event's id and the caller's token.
-- KEYS   of each shard: events, state, prefix of the ids' buckets
-- ARGV   1 milliseconds of a bucket, 2 bytes that a shard may hold, 3 seconds after which a bucket expires,
--        4 bytes counted for an entry besides its payload, 5 the token of this command;
--        then of each shard: the number of events, and of each event: digest of its id, payload
-- Reply  the server's clock (ms); then of each shard: events ever added, and of each event:
--        '+' appended by this command, 'q' waits already, '!' no room, else what it ended in
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local bucket = math.floor(now / tonumber(ARGV[1]))
local limit, expiry, overhead, token = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), 'q' .. ARGV[5]
local reply = { now }
local at = 6
for key = 1, #KEYS, 3 do
  local events, state, ids = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local known = redis.call('HMGET', state, 'bytes', 'added', 'oldest')
  local bytes, added, oldest = tonumber(known[1] or 0), tonumber(known[2] or 0), tonumber(known[3] or bucket)
  local place, before, full = #reply + 1, added, false
  reply[place] = 0
  local current = ids .. string.format('%d', bucket)
  for _ = 1, tonumber(ARGV[at]) do
    local digest, payload = ARGV[at + 1], ARGV[at + 2]
    at = at + 2
    local found = false
    for number = bucket, oldest, -1 do
      found = redis.call('HGET', ids .. string.format('%d', number), digest)
      if found then break end
    end
    if found == token then
      reply[#reply + 1] = '+'
    elseif found then
      reply[#reply + 1] = string.sub(found, 1, 1) == 'q' and 'q' or found
    elseif full or bytes + #payload + overhead > limit then
      full = true -- what comes after it keeps its order, and is refused too
      reply[#reply + 1] = '!'
    else
      redis.call('XADD', events, '*', 'e', payload)
      redis.call('HSET', current, digest, token)
      bytes = bytes + #payload + overhead
      added = added + 1
      reply[#reply + 1] = '+'
    end
  end
  at = at + 1
  reply[place] = added
  if added > before then
    redis.call('HSET', state, 'bytes', string.format('%d', bytes), 'added', string.format('%d', added),
      'oldest', string.format('%d', oldest))
    redis.call('EXPIRE', current, expiry, 'NX')
  end
end
return reply

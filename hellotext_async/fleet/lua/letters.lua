#!lua flags=allow-oom
-- LETTERS: dead letters leave, are replaced, or have their events put back. Idempotent: a letter that is gone is left.
-- KEYS   of each shard: events, state, letters, prefix of the ids' buckets
-- ARGV   1 milliseconds of a bucket, 2 seconds after which a bucket expires;
--        then of each shard: the number of letters, and of each: 'drop', 'amend' or 'requeue', the letter's entry,
--        what is to stand beside the event (of 'amend'), digest of the event's id
-- Reply  of each shard: how many letters were there
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local bucket, expiry = math.floor(now / tonumber(ARGV[1])), ARGV[2]
local reply = {}
local at = 3
for key = 1, #KEYS, 4 do
  local events, state, letters = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local current = KEYS[key + 3] .. string.format('%d', bucket)
  local known = redis.call('HMGET', state, 'bytes', 'added', 'oldest')
  local bytes, added = tonumber(known[1] or 0), tonumber(known[2] or 0)
  local done = 0
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    local verb, entry, about, digest = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    at = at + 4
    local found = redis.call('XRANGE', letters, entry, entry)[1]
    if found then
      local fields = {}
      for place = 1, #found[2], 2 do fields[found[2][place]] = found[2][place + 1] end
      if verb == 'amend' then
        redis.call('XADD', letters, '*', 'e', fields.e, 'l', about, 'n', fields.n or '0')
      elseif verb == 'requeue' then
        redis.call('XADD', events, '*', 'e', fields.e)
        redis.call('HSET', current, digest, 'q' .. entry)
        redis.call('EXPIRE', current, expiry, 'NX')
        added = added + 1
      else
        bytes = math.max(0, bytes - tonumber(fields.n or 0))
      end
      redis.call('XDEL', letters, entry)
      done = done + 1
    end
  end
  redis.call('HSET', state, 'bytes', string.format('%d', bytes), 'added', string.format('%d', added),
    'oldest', known[3] or string.format('%d', bucket))
  reply[#reply + 1] = done
end
return reply

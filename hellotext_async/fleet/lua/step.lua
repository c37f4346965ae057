#!lua flags=allow-oom
-- STEP: what one owner did: marks, ends, and the renewal of its leases. Idempotent by the entries' ids.
-- KEYS   of each shard: events, state, marks, letters, prefix of the ids' buckets
-- ARGV   1 milliseconds of the lease, 2 milliseconds of a bucket, 3 seconds after which a bucket expires;
--        then of each shard: the owner's token, its epoch, this step's number, the oldest bucket to keep (''),
--        the number of marks, of each mark: entry, text ('' removes it),
--        the number of ends, of each end: entry, bytes counted for it, digest of its event's id ('': not known),
--        verdict ('' forgets the id), dead letter ('': none)
-- Reply  of each shard: events ever added, or -1 if it is not the owner's: then nothing was done;
--        and the number of the step that the server knew before
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local span, expiry = tonumber(ARGV[2]), ARGV[3]
local bucket = math.floor(now / span)
local reply = {}
local at = 4

local function finish(ours, events, state, marks, letters, ids)
  local entry, size, digest, verdict, letter = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  at = at + 5
  if not ours then return 0 end
  local payload = letter ~= '' and redis.call('XRANGE', events, entry, entry)[1]
  redis.call('HDEL', marks, entry)
  if redis.call('XDEL', events, entry) == 0 then return 0 end
  if digest ~= '' then
    local put = math.floor(tonumber(string.match(entry, '^%d+')) / span)
    if put ~= bucket or verdict == '' then
      redis.call('HDEL', ids .. string.format('%d', put), digest)
    end
    if verdict ~= '' then
      local current = ids .. string.format('%d', bucket)
      redis.call('HSET', current, digest, verdict)
      redis.call('EXPIRE', current, expiry, 'NX')
    end
  end
  if payload then
    redis.call('XADD', letters, '*', 'e', payload[2][2], 'l', letter, 'n', size)
    return 0
  end
  return tonumber(size)
end

for key = 1, #KEYS, 5 do
  local events, state, marks = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local known = redis.call('HMGET', state, 'owner', 'epoch', 'added', 'bytes', 'oldest', 'steps')
  local ours = known[1] == ARGV[at] and known[2] == ARGV[at + 1]
  local number, keep = ARGV[at + 2], tonumber(ARGV[at + 3])
  at = at + 4
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    if ours then
      if ARGV[at + 1] == '' then
        redis.call('HDEL', marks, ARGV[at])
      else
        redis.call('HSET', marks, ARGV[at], ARGV[at + 1])
      end
    end
    at = at + 2
  end
  local freed = 0
  count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    freed = freed + finish(ours, events, state, marks, KEYS[key + 3], KEYS[key + 4])
  end
  if ours then
    redis.call('HSET', state, 'until', string.format('%d', now + tonumber(ARGV[1])), 'steps', number)
    if freed > 0 then
      redis.call('HSET', state, 'bytes', string.format('%d', math.max(0, tonumber(known[4] or 0) - freed)))
    end
    if keep and known[5] and tonumber(known[5]) < keep then
      for number = tonumber(known[5]), keep - 1 do
        redis.call('UNLINK', KEYS[key + 4] .. string.format('%d', number))
      end
      redis.call('HSET', state, 'oldest', string.format('%d', keep))
    end
    reply[#reply + 1] = tonumber(known[3] or 0)
  else
    reply[#reply + 1] = -1
  end
  reply[#reply + 1] = tonumber(known[6] or 0)
end
return reply

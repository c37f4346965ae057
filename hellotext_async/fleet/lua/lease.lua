#!lua flags=allow-oom
-- LEASE: take, release or look at shards. Idempotent by the owner's token; each new owner gets a new epoch.
-- KEYS   the state of each shard
-- ARGV   1 'take', 'release' or 'look', 2 the token, 3 milliseconds of the lease
-- Reply  the server's clock (ms); then of each shard: owner ('' if free), epoch, milliseconds left, events ever added
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local reply = { now }
for key = 1, #KEYS do
  local known = redis.call('HMGET', KEYS[key], 'owner', 'epoch', 'until', 'added')
  local owner, epoch, ends, added = known[1] or '', tonumber(known[2] or 0), tonumber(known[3] or 0), known[4] or '0'
  if ends <= now and owner ~= ARGV[2] then owner = '' end
  if ARGV[1] == 'take' and (owner == '' or owner == ARGV[2]) then
    if owner == '' then
      epoch = epoch + 1
      redis.call('HSET', KEYS[key], 'steps', '0')
    end
    owner, ends = ARGV[2], now + tonumber(ARGV[3])
    redis.call('HSET', KEYS[key], 'owner', owner, 'epoch', string.format('%d', epoch), 'until',
      string.format('%d', ends))
  elseif ARGV[1] == 'release' and owner == ARGV[2] then
    owner, ends = '', now
    redis.call('HSET', KEYS[key], 'owner', '', 'until', '0')
  end
  reply[#reply + 1] = owner
  reply[#reply + 1] = epoch
  reply[#reply + 1] = math.max(0, ends - now)
  reply[#reply + 1] = tonumber(added)
end
return reply

#!lua flags=allow-oom
-- RATE: permits of the rate that the workers share. Idempotent by the caller's token.
-- KEYS   the rate
-- ARGV   1 the version of the record that the caller knows, 2 the token of this command, 3 permits asked for,
--        4 permits a second by the caller's record (0: unbounded), 5 the record is gated until (server's ms),
--        6 milliseconds of permits that may be made up, 7 deliveries since the last command
-- Reply  version, record (false if the caller knows it), permits granted, microseconds until the first, all deliveries
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local known = redis.call('HMGET', KEYS[1], 'version', 'record', 'due', 'delivered', 'token:' .. ARGV[2])
local version, delivered = known[1] or '0', tonumber(known[4] or 0)
if known[5] then return cjson.decode(known[5]) end
delivered = delivered + tonumber(ARGV[7])
redis.call('HSET', KEYS[1], 'delivered', string.format('%d', delivered))
if version ~= ARGV[1] then
  return { version, known[2], 0, 0, delivered }
end
local wanted, rate, gate = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]) * 1000
if rate <= 0 or wanted == 0 then
  return { version, false, wanted, 0, delivered }
end
if gate > now then
  return { version, false, 0, gate - now, delivered }
end
local due = math.max(tonumber(known[3] or 0), now - tonumber(ARGV[6]) * 1000)
redis.call('HSET', KEYS[1], 'due', string.format('%d', due + wanted * 1000000 / rate))
return { version, false, wanted, math.max(0, math.floor(due - now)), delivered }

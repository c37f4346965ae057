#!lua flags=allow-oom
-- LEARN: replace the record of the rate, if nobody else did. Idempotent: a repeat finds its own record.
-- KEYS   the rate
-- ARGV   1 the version that the record was made from, 2 the record
-- Reply  version, record: as they stand then
local known = redis.call('HMGET', KEYS[1], 'version', 'record')
if (known[1] or '0') ~= ARGV[1] then
  return { known[1] or '0', known[2] }
end
local version = string.format('%d', tonumber(ARGV[1]) + 1)
redis.call('HSET', KEYS[1], 'version', version, 'record', ARGV[2])
return { version, ARGV[2] }

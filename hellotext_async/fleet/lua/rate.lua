#!lua flags=allow-oom
-- RATE: what the workers share of the rate. Idempotent by the caller's token.
-- Permits are numbered. One is due when the position has come to its number; the position moves on by `speed` a second.
-- KEYS   the rate; what the caller's last command was granted
-- ARGV   1 the token of this command, 2 the version of the record that the caller knows, 3 permits asked for,
--        4 the generation of the counts, 5-8 counts since the last command: delivered in their time, at once, of another
--        generation, and refused; 9 a record that replaces the known version ('': none), and with it
--        10 speed (0: it stands, -1: no permits are needed), 11 its generation, 12 permits that may be made up,
--        13 permits to go back by, 14-17 the counts that are in it
-- Reply  microseconds of the server's clock, version, record (false if the caller knows it), when it was learned, speed,
--        position, first permit, permits, whether the record was taken, counts, counts in the record
local names = { 'version', 'learned', 'speed', 'generation', 'slack', 'position', 'since', 'issued', 'c1', 'c2', 'c3', 'c4',
  'f1', 'f2', 'f3', 'f4' }
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local known = redis.call('HMGET', KEYS[1], unpack(names))
local rate = {}
for number, name in ipairs(names) do rate[name] = tonumber(known[number]) or 0 end
if not known[1] then rate.speed = -1 end
rate.since = math.min(rate.since, now) -- a clock that was set back stops nobody
local position = rate.position + (now - rate.since) / 1000000 * math.max(0, rate.speed)
local last = redis.call('GET', KEYS[2])
local token, first, granted, taken, made = string.match(last or '', '^(%S+) (%d+) (%d+) (%d) (%d+)$')
if token ~= ARGV[1] then
  first, granted, taken, made = 0, 0, 0, 0
  local same = tonumber(ARGV[4]) == rate.generation
  for number = 1, 4 do
    local name = (same or number > 2) and 'c' .. number or 'c3'
    rate[name] = rate[name] + tonumber(ARGV[4 + number])
  end
  if ARGV[9] ~= '' and tonumber(ARGV[2]) == rate.version then
    taken = 1
    rate.version = math.max(rate.version + 1, now)
    made = rate.version
    rate.learned, rate.since = now, now
    rate.speed, rate.generation, rate.slack = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
    position = position - tonumber(ARGV[13])
    rate.position = position
    for number = 1, 4 do rate['f' .. number] = tonumber(ARGV[13 + number]) end
    redis.call('HSET', KEYS[1], 'record', ARGV[9])
  end
  local wanted = tonumber(ARGV[3])
  if wanted > 0 and rate.speed > 0 then
    first, granted = math.max(rate.issued, math.ceil(position - rate.slack)), wanted
    rate.issued = first + granted
  end
  local fields = {}
  for _, name in ipairs(names) do
    fields[#fields + 1] = name
    fields[#fields + 1] = string.format((name == 'position' or name == 'speed' or name == 'slack') and '%.6f' or '%d', rate[name])
  end
  redis.call('HSET', KEYS[1], unpack(fields))
  redis.call('SET', KEYS[2], string.format('%s %d %d %d %d', ARGV[1], first, granted, taken, made), 'EX', 60)
end
local knows = rate.version == tonumber(ARGV[2]) or rate.version == tonumber(made)
local record = not knows and redis.call('HGET', KEYS[1], 'record')
return { now, rate.version, record, rate.learned, string.format('%.6f', rate.speed), string.format('%.6f', position),
  tonumber(first), tonumber(granted), tonumber(taken), rate.c1, rate.c2, rate.c3, rate.c4, rate.f1, rate.f2, rate.f3, rate.f4 }

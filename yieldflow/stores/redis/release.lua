-- ARGV: prefix, run, path, token, not before. Nobody may be left to claim it: the alarm rings soon.
local path, not_before = ARGV[3], tonumber(ARGV[5])
if not held(path, ARGV[4]) then
  return 0
end
local entry = cjson.decode(redis.call("HGET", work, path))
entry[6] = not_before
put(path, entry[1], not_before, cjson.encode(entry))
local base = tonumber(redis.call("HGET", summary, "alarm")) or math.huge
base = math.min(base, math.max(not_before, now + HINT_AFTER))
redis.call("HSET", summary, "alarm", base)
set_alarm(base)
return 1

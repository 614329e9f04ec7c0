-- ARGV: prefix, run, path, token. An expired claim that nobody revoked is still valid.
local path = ARGV[3]
local claim = held(path, ARGV[4])
if not claim then
  return false
end
local entry = cjson.decode(redis.call("HGET", work, path))
redis.call("ZADD", leases, math.min(now + entry[4], claim[4] or math.huge), path)
move_alarm()
return { head_of_log() }

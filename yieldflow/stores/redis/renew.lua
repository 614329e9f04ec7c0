-- ARGV: prefix, run, path, token, "=" and details or nothing, deadline or nothing. An expired claim that nobody
-- revoked is still valid.
local path = ARGV[3]
local claim = held(path, ARGV[4])
if not claim then
  return false
end
local entry = cjson.decode(redis.call("HGET", work, path))
if ARGV[5] ~= "" then
  entry[9] = string.sub(ARGV[5], 2)
  redis.call("HSET", work, path, cjson.encode(entry))
end
local deadline = tonumber(ARGV[6])
if deadline then
  claim[4] = math.min(deadline, claim[4] or math.huge)
  redis.call("HSET", claims, path, cjson.encode(claim))
end
local lease_end = math.min(now + entry[4], claim[4] or math.huge)
redis.call("ZADD", leases, lease_end, path)
move_alarm(lease_end)
return { head_of_log() }

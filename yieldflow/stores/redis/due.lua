-- ARGV: prefix, nothing, at most so many. Takes the earliest due alarms and puts each off.
local rung = {}
local members = redis.call("ZRANGEBYSCORE", alarms, "-inf", now, "LIMIT", 0, tonumber(ARGV[3]))
for _, member in ipairs(members) do
  local about = prefix .. ":run:" .. member
  local was = redis.call("HMGET", about, "queue", "rings", "alarm")
  local rings = tonumber(was[2] or 0)
  local at = now + math.min(FIRST_PUT_OFF * 2 ^ math.min(rings, 30), LONGEST_PUT_OFF)
  local base = tonumber(was[3])
  local live = redis.call("ZRANGEBYSCORE", prefix .. ":leases:" .. member, "(" .. string.format("%d", now), "+inf", "WITHSCORES", "LIMIT", 0, 1)[2]
  if was[1] then
    redis.call("HSET", about, "rings", rings + 1, "alarm", base and base > now and math.min(base, at) or at)
    redis.call("ZADD", alarms, math.min(at, tonumber(live) or at), member)
    rung[#rung + 1] = { member, was[1] }
  else
    redis.call("ZREM", alarms, member) -- its run is gone
  end
end
return rung

-- ARGV: prefix, nothing, at most so many. Takes the earliest due alarms and puts each off. What somebody else has put in
-- place of a run's keys keeps no other alarm from ringing.
local rung, gone, later, put_off = {}, {}, {}, {}
local after_now = string.format("(%d", now)
for _, member in ipairs(redis.call("ZRANGEBYSCORE", alarms, "-inf", now, "LIMIT", 0, tonumber(ARGV[3]))) do
  local about = prefix .. ":run:" .. member
  local queue, rings, base = unpack(redis.pcall("HMGET", about, "queue", "rings", "alarm"))
  if queue then
    rings, base = tonumber(rings or "") or 0, tonumber(base or "")
    local at = now + math.min(FIRST_PUT_OFF * 2 ^ math.min(rings, 30), LONGEST_PUT_OFF)
    local live = redis.pcall("ZRANGEBYSCORE", prefix .. ":leases:" .. member, after_now, "+inf", "WITHSCORES", "LIMIT", 0, 1)[2]
    later[#later + 1] = { about, rings + 1, base and base > now and math.min(base, at) or at }
    put_off[#put_off + 1], put_off[#put_off + 2] = math.min(at, tonumber(live or "") or at), member
    rung[#rung + 1] = { member, queue }
  else
    gone[#gone + 1] = member -- its run is no more
  end
end
each("ZADD", alarms, put_off)
each("ZREM", alarms, gone)
for _, of in ipairs(later) do
  redis.call("HSET", of[1], "rings", of[2], "alarm", of[3])
end
return rung

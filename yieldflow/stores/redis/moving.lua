-- The alarm after a claim or a beat. One that is due stays due until it rings. A lease that is over has rung
-- already when the alarm is not due: it must not undo the putting off; but for the one of this beat, if any.
local function move_alarm(base, beaten)
  local at = redis.call("ZSCORE", alarms, run)
  if at and tonumber(at) <= now then
    return
  end
  local lease = redis.call("ZRANGEBYSCORE", leases, string.format("(%d", now), "+inf", "WITHSCORES", "LIMIT", 0, 1)[2]
  at = earlier(earlier(tonumber(base or ""), tonumber(lease or "")), beaten)
  if at then
    redis.call("ZADD", alarms, at, run)
  end
end

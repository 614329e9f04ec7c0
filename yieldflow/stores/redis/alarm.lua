-- The alarm of a run: the earlier of what its committer set (the base, kept in the summary) and the
-- earliest end of a lease. One member a run in one sorted set.
local function earlier(base, lease)
  local at = lease and tonumber(lease)
  return base and at and math.min(base, at) or base or at
end

-- The base after a commit on the head: free entries are looked at when the first is due, but not at once; so
-- is a table that has fewer entries than the committer knows of. Nobody may claim work of a run that is paused.
local function look_at_work(plan, status)
  local base, entries = plan.alarm, redis.call("HLEN", work)
  if plan.done or status == "paused" then
    return base
  end
  if entries < plan.entries then
    base = math.min(base or math.huge, now + HINT_AFTER)
  end
  if entries == redis.call("HLEN", claims) then
    return base
  end
  local queues = queues_of_run()
  for _, entry in ipairs(plan.put) do
    queues[#queues + 1] = entry[2]
  end
  for _, queue in ipairs(queues) do
    local not_before = redis.call("ZRANGE", free_key(queue), 0, 0, "WITHSCORES")[2]
    if not_before then
      base = math.min(base or math.huge, math.max(tonumber(not_before), now + HINT_AFTER))
    end
  end
  return base
end

local function set_alarm(base)
  local at = earlier(base, redis.call("ZRANGE", leases, 0, 0, "WITHSCORES")[2])
  if at then
    redis.call("ZADD", alarms, at, run)
  else
    redis.call("ZREM", alarms, run)
  end
end

-- After a claim or a beat. An alarm that is due stays due until it rings. A lease that is over has rung
-- already when the alarm is not due: it must not undo the putting off; but for the one of this beat, if any.
local function move_alarm(beaten)
  local at = redis.call("ZSCORE", alarms, run)
  if at and tonumber(at) <= now then
    return
  end
  local base = tonumber(redis.call("HGET", summary, "alarm"))
  local lease = redis.call("ZRANGEBYSCORE", leases, "(" .. string.format("%d", now), "+inf", "WITHSCORES", "LIMIT", 0, 1)[2]
  at = earlier(earlier(base, lease), beaten)
  if at then
    redis.call("ZADD", alarms, at, run)
  end
end

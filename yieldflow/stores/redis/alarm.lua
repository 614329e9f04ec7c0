-- The alarm of a run: the earlier of what its committer set (the base, kept in the summary) and the
-- earliest end of a lease. One member a run in one sorted set.
local function earlier(one, other)
  return one and other and math.min(one, other) or one or other or nil
end

local function set_alarm(at)
  if at then
    redis.call("ZADD", alarms, at, run)
  else
    redis.call("ZREM", alarms, run)
  end
end

-- A commit, 5: alarm, log, work, summary. What comes is written before what goes, so that no key goes to come again.
local gap = plan.after and not on_log(plan.after, length)
set_alarm(earlier(base, lease))
each("RPUSH", log, ARGV, 4)
if plan.done then
  drop_work(queues)
else
  each("HSET", work, set)
  each("HDEL", work, gone)
  each("ZADD", leases, held)
  each("ZREM", leases, let_go)
  for queue, words in pairs(taken) do
    each("ZREM", free_key(queue), words)
  end
  for queue, words in pairs(freed) do
    each("ZADD", free_key(queue), words)
  end
end
each("HSET", summary, fields)
if given or status ~= was then -- runs are listed by when they started: all, and those of a status
  local listed = tonumber(started or "")
  started = given and given.started or listed
  if started ~= listed then
    redis.call("ZADD", prefix .. ":runs", started, run)
  end
  if was and was ~= status then
    redis.call("ZREM", prefix .. ":status:" .. was, run)
  end
  redis.call("ZADD", prefix .. ":status:" .. status, started, run)
end

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
if given or status ~= was then -- runs are listed by when they started
  local listed = tonumber(started or "")
  started = given and given.started or listed
  if was and was ~= status then
    redis.call("ZREM", prefix .. ":status:" .. was, run)
  end
  redis.call("ZADD", prefix .. ":status:" .. status, started, run)
  if given and (given.workflow ~= workflow or given.rest ~= rest or started ~= listed) then
    local former, names = workflow and listed_in(workflow, rest) or NONE, listed_in(given.workflow, given.rest)
    for name in pairs(names) do
      if started ~= listed or not former[name] then
        redis.call("ZADD", name, started, run)
      end
    end
    for name in pairs(former) do
      if not names[name] then
        redis.call("ZREM", name, run)
      end
    end
  end
end

-- ARGV: prefix, run, its chain. All that is kept of a run beside its log, of one moment. Only reads.
local length, commit = head_of_log()
local about = redis.call("HMGET", summary, "workflow", "queue", "status", "started", "rest", "note")
local others = redis.call("HMGET", summary, "ended", "alarm", "payloads", "rings", "queues")
local entries, free, queues = redis.call("HGETALL", work), {}, queues_of(others[5])
for at = 2, #entries, 2 do
  know_queue(queues, cjson.decode(string.match(entries[at], "[^\n]*"))[1])
end
for _, queue in ipairs(queues) do
  free[#free + 1] = { queue, redis.call("ZRANGE", free_key(queue), 0, -1, "WITHSCORES") }
end
local hooks = {}
for _, token in ipairs(redis.call("SMEMBERS", prefix .. ":hooks:" .. ARGV[3])) do
  local hook = redis.call("HGET", prefix .. ":tokens", token)
  if hook and cjson.decode(hook)[1] == ARGV[3] then
    hooks[#hooks + 1] = { token, cjson.decode(hook)[2] }
  end
end
local lists = {}
for _, status in ipairs(STATUSES) do
  local at = redis.call("ZSCORE", prefix .. ":status:" .. status, run)
  if at then
    lists[#lists + 1] = { status, at }
  end
end
local missing = {}
for name in pairs(about[1] and listed_in(about[1], about[5]) or {}) do
  if tonumber(redis.call("ZSCORE", name, run) or "") ~= tonumber(about[4] or "") then
    missing[#missing + 1] = string.sub(name, #prefix + 2)
  end
end
local alarm = redis.call("ZSCORE", alarms, run) or false
local held = redis.call("ZRANGE", leases, 0, -1, "WITHSCORES")
local keys = redis.call("HKEYS", key("chain"))
return { now, length, commit, about, others, alarm, entries, held, free, hooks, keys, lists, missing }

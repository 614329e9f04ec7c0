-- ARGV: prefix, run, the length and commit id of the log's end, 1 if the run has ended. Rebuilds, from the work table
-- and the summary of a run, the sets in which both are found, if the log ends there. Without a log all traces go.
local length, commit = head_of_log()
if length ~= tonumber(ARGV[3]) or commit ~= ARGV[4] then
  return 0
end
local status, started, known = unpack(redis.call("HMGET", summary, "status", "started", "queues"))
local workflow, rest = unpack(redis.call("HMGET", summary, "workflow", "rest"))
local entries, queues, due, held = redis.call("HGETALL", work), queues_of(known), {}, {}
for at = 1, #entries, 2 do
  local path, text = entries[at], entries[at + 1]
  local entry = cjson.decode(string.match(text, "[^\n]*"))
  know_queue(queues, entry[1])
  if end_of_json(text) then
    held[#held + 1], held[#held + 2] = redis.call("ZSCORE", leases, path) or 0, path -- one that was lost is over
  elseif (entry[5] or 0) < NEVER then
    local words = due[entry[1]] or {}
    due[entry[1]], words[#words + 1], words[#words + 2] = words, entry[5] or 0, path
  end
end
for _, other in ipairs(STATUSES) do
  if other ~= status or length == 0 then
    redis.call("ZREM", prefix .. ":status:" .. other, run)
  end
end
for name in pairs(workflow and length == 0 and listed_in(workflow, rest) or {}) do
  redis.call("ZREM", name, run)
end
if length == 0 or ARGV[5] == "1" then
  drop_work(queues)
  due, held = {}, {}
end
if length == 0 then
  redis.call("ZREM", alarms, run)
  redis.call("DEL", summary, key("chain"))
  return 1
elseif not status then
  return 0
end
redis.call("DEL", leases)
each("ZADD", leases, held)
for _, queue in ipairs(queues) do
  redis.call("DEL", free_key(queue))
  each("ZADD", free_key(queue), due[queue] or {})
end
if #queues > 0 then
  redis.call("HSET", summary, "queues", cjson.encode(queues))
end
redis.call("ZADD", prefix .. ":status:" .. status, started, run)
for name in pairs(listed_in(workflow, rest)) do
  redis.call("ZADD", name, started, run)
end
if ARGV[5] == "1" then
  redis.call("HSET", summary, "ended", 1)
else
  redis.call("HDEL", summary, "ended")
end
return 1

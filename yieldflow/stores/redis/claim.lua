-- ARGV: prefix, run, worker, how many queues, the queues, then a token for each claim that is wanted.
-- Lowest (not before, path) first; what is looked at does not grow with the number of open entries.
local worker, queues = ARGV[3], tonumber(ARGV[4])
local first_token = 5 + queues
local wanted = math.min(CLAIMS_A_CALL, #ARGV - first_token + 1)
local about, due = redis.call("HMGET", summary, "status", "alarm"), {}
for index = 5, about[1] == "paused" and 0 or 4 + queues do
  local set = free_key(ARGV[index])
  local found = redis.call("ZRANGEBYSCORE", set, "-inf", now, "WITHSCORES", "LIMIT", 0, wanted)
  for at = 1, #found, 2 do
    due[#due + 1] = { not_before = tonumber(found[at + 1]), path = found[at], set = set }
  end
end
table.sort(due, function(one, other)
  if one.not_before ~= other.not_before then
    return one.not_before < other.not_before
  end
  return one.path < other.path
end)

local length, commit = head_of_log()
local grants, set, held, taken = {}, {}, {}, {}
for index = 1, math.min(wanted, #due) do
  local path, text = due[index].path, redis.call("HGET", work, due[index].path)
  taken[due[index].set] = taken[due[index].set] or {}
  table.insert(taken[due[index].set], path)
  if text and not end_of_json(text) then
    local entry = cjson.decode(text)
    local given, lease_end = claimed(text, entry, ARGV[first_token + #grants], worker)
    set[#set + 1], set[#set + 2], held[#held + 1], held[#held + 2] = path, given, lease_end, path
    grants[#grants + 1] = { path, given, lease_end, redis.call("LINDEX", log, entry[2] - 1) }
  end
end
for name, words in pairs(taken) do
  each("ZREM", name, words)
end
each("HSET", work, set)
each("ZADD", leases, held)
if #grants > 0 then
  move_alarm(about[2])
end
return { now, length, commit, grants }

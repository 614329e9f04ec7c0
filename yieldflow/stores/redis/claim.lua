-- ARGV: prefix, run, worker, how many queues, the queues, then a token for each claim that is wanted.
-- Lowest (not before, path) first; what is looked at does not grow with the number of open entries.
local worker, queues = ARGV[3], tonumber(ARGV[4])
local first_token = 5 + queues
local wanted = math.min(CLAIMS_A_CALL, #ARGV - first_token + 1)
local due = {}
if redis.call("HGET", summary, "status") == "paused" then
  queues = 0
end
for index = 5, 4 + queues do
  local found = redis.call("ZRANGEBYSCORE", free_key(ARGV[index]), "-inf", now, "WITHSCORES", "LIMIT", 0, wanted)
  for at = 1, #found, 2 do
    due[#due + 1] = { tonumber(found[at + 1]), found[at] }
  end
end
table.sort(due, function(one, other)
  if one[1] ~= other[1] then
    return one[1] < other[1]
  end
  return one[2] < other[2]
end)

local length, commit = head_of_log()
local grants = {}
for index = 1, math.min(wanted, #due) do
  local path, token = due[index][2], ARGV[first_token + #grants]
  local entry, claimed, lease_end = claim(path, token, worker)
  if entry then
    local event = redis.call("LINDEX", log, cjson.decode(entry)[2] - 1)
    grants[#grants + 1] = { path, entry, claimed, lease_end, event }
  end
end
if #grants > 0 then
  move_alarm()
end
return { now, length, commit, grants }

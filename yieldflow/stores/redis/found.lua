-- A commit, 1: what it finds. ARGV: prefix, run, the plan as JSON (without what is as by default), then the new items
-- of the log. A script is no transaction: all that is written is first read, and is worked out before the first write.
local plan, events, NONE = cjson.decode(ARGV[3]), #ARGV - 3, {}
local given, on_head = plan.summary, plan.on == "head"
local revoke, drop, put, claim = plan.revoke or NONE, plan.drop or NONE, plan.put or NONE, plan.claim or NONE
local length, commit = head_of_log(plan.at)
local status, ended, alarm, unread, note, rings, replays, queues, started, workflow, rest = unpack(redis.call(
  "HMGET", summary,
  "status", "ended", "alarm", "payloads", "note", "rings", "replays", "queues", "started", "workflow", "rest"
))
alarm, unread, queues = tonumber(alarm or ""), tonumber(unread or 0), queues_of(queues)

-- The entries that it names, as they are and as they will be (false: nothing is there), and the ends of new leases.
local paths, before, after, lease_ends = {}, {}, {}, {}
local function name(path)
  if before[path] == nil then
    before[path], paths[#paths + 1] = false, path
  end
end

if plan.path then
  name(plan.path)
end
for _, path in ipairs(drop) do
  name(path)
end
for _, list in ipairs({ revoke, put, claim }) do
  for _, named in ipairs(list) do
    name(named[1])
  end
end
for start = 1, #paths, 1000 do
  local texts = redis.call("HMGET", work, unpack(paths, start, math.min(start + 999, #paths)))
  for index, text in ipairs(texts) do
    before[paths[start + index - 1]], after[paths[start + index - 1]] = text, text
  end
end

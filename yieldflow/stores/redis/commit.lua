-- One atomic change of one run. ARGV: prefix, run, the plan as JSON, then the events.
local plan = cjson.decode(ARGV[3])
local length, commit = head_of_log()
local was = redis.call("HMGET", summary, "status", "ended", "payloads", "alarm")
local refuses = refusal(plan, length, commit, was[2], tonumber(was[3] or 0))
if refuses then
  return refuses
end
check_types(plan)
local gap = plan.on ~= "head" and plan.after and not on_log(plan.after, length)

if length == 0 and plan.former ~= "" then
  follow(plan)
end
for _, revoke in ipairs(plan.revoke) do
  drop(revoke[1])
end

local events = #ARGV - 3
for start = 4, #ARGV, 1000 do -- unpack fails above about 8,000 values
  local items = {}
  for index = start, math.min(start + 999, #ARGV) do
    items[#items + 1] = plan.commit .. " " .. ARGV[index]
  end
  redis.call("RPUSH", log, unpack(items))
end
if plan.on == "open" then
  redis.call("HSET", chain, plan.once, length + 1)
end
know_keys(plan.keys)
if events > 0 then
  length, commit = length + events, plan.commit
end

for _, path in ipairs(plan.drop) do
  drop(path)
end
for _, entry in ipairs(plan.put) do
  put(entry[1], entry[2], entry[3], entry[4])
end
local claimed, status = {}, plan.on == "head" and plan.summary and plan.summary.status or was[1]
for _, wanted in ipairs(plan.claim) do
  if status ~= "paused" and claim(wanted[1], wanted[2], plan.worker) then
    claimed[#claimed + 1] = wanted[1]
  end
end

local unread = tonumber(was[3] or 0)
local base
if plan.on == "head" then
  unread = plan.payloads or unread
  base = look_at_work(plan, status)
  if not plan.keeps_replays then
    redis.call("DEL", replaying)
  end
else
  unread = unread + (plan.payloads or 0)
  base = math.min(tonumber(was[4]) or math.huge, now + HINT_AFTER)
end
save(plan, was[1], events, base, unread)
for token, name in pairs(plan.hooks) do
  redis.call("HSET", tokens, token, cjson.encode({ plan.chain, name }))
  redis.call("SADD", prefix .. ":hooks:" .. plan.chain, token)
end
if plan.done then
  finish()
  if status ~= "continued" then
    close_hooks(plan.chain)
  end
end
set_alarm(base)
if events > 0 then
  redis.call("PUBLISH", key("moved"), length)
end
local items = {}
if plan.on ~= "head" and plan.after and not gap then
  items = tail(plan.after[1], length)
end
return { "done", now, length, commit, gap and 1 or 0, items, claimed, redis.call("HLEN", work) }

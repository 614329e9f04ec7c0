-- A commit, 2: everything that may refuse it.
local function refused(reason, position)
  return { "refused", now, reason, position and math.max(tonumber(position), 0) or false }
end

if on_head then
  local at = plan.at
  if length ~= (at and at[1] or 0) or (at and (length == 0 or at[2] ~= commit)) then
    local gap = at and (at[2] == "" or not on_log(at, length))
    local items = gap and {} or tail(at and at[1] or 0, length)
    return { "conflict", now, length, commit, gap and 1 or 0, items }
  end
else
  if length == 0 then
    return refused("unknown")
  end
  local once = plan.once and redis.call("HGET", key("chain"), plan.once)
  if once then
    return refused("twice", once) -- even after the end: it was delivered
  elseif ended then
    return refused("ended")
  elseif plan.once and plan.payloads and unread + plan.payloads > plan.inbox then
    return refused("inbox")
  elseif plan.path and not is_held(before[plan.path], plan.token) then
    -- a report under a token that the entry accepts is taken though it is no claim's: a child run's
    local text = before[plan.path]
    if not text or cjson.decode(string.match(text, "[^\n]*"))[8] ~= plan.token then
      return refused("resolved")
    end
  end
end
for _, held in ipairs(revoke) do -- its lease is over, or its process is known to be gone
  local there = is_held(before[held[1]], held[2])
  if not there or not (held[3] or tonumber(redis.call("ZSCORE", leases, held[1]) or 0) <= now) then
    return refused("revoked")
  end
end
-- Keys that few commits write, and do not read, are of the right type.
local expected = {}
if given or status == "blocked" then
  expected[prefix .. ":status:" .. (status or "running")] = "zset"
  expected[prefix .. ":status:" .. (given and given.status or "running")] = "zset"
end
for name in pairs(given and listed_in(given.workflow, given.rest) or NONE) do
  expected[name] = "zset"
end
if plan.hooks or plan.done then
  expected[prefix .. ":hooks:" .. plan.chain], expected[prefix .. ":tokens"] = "set", "hash"
end
if plan.former then
  expected[prefix .. ":chain:" .. plan.former], expected[prefix .. ":newest"] = "hash", "hash"
end
if plan.former or plan.keys then
  expected[key("chain")] = "hash"
end
for name, kind in pairs(expected) do
  local found = redis.call("TYPE", name).ok
  if found ~= kind and found ~= "none" then
    error("WRONGTYPE " .. name .. " is a " .. found .. ", not of yieldflow")
  end
end

-- A token has one hook, until its run ends.
for token, hook in pairs(plan.hooks or NONE) do
  local holder = redis.call("HGET", prefix .. ":tokens", token)
  if holder then
    local held = cjson.decode(holder)
    if held[1] ~= plan.chain or held[2] ~= hook then
      return refused("taken")
    end
  end
end

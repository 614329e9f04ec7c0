-- Everything that may refuse a commit, checked before the first write: a script is not a transaction.
local function expect(name, kind)
  local found = redis.call("TYPE", name).ok
  if found ~= kind and found ~= "none" then
    error("WRONGTYPE " .. name .. " is a " .. found .. ", not of yieldflow")
  end
end

-- The types of the keys that this plan writes; those of log, summary and chain show when they are read.
local function check_types(plan)
  expect(alarms, "zset")
  if #plan.revoke + #plan.drop + #plan.put + #plan.claim > 0 then
    expect(work, "hash")
    expect(claims, "hash")
    expect(leases, "zset")
  end
  for index, entry in ipairs(plan.put) do
    if index == 1 or entry[2] ~= plan.put[index - 1][2] then
      expect(free_key(entry[2]), "zset")
    end
  end
  if next(plan.hooks) or plan.done then
    expect(prefix .. ":hooks:" .. plan.chain, "set")
    expect(tokens, "hash")
  end
  if plan.former ~= "" then
    expect(newest, "hash")
  end
  if plan.on == "head" then
    expect(replaying, "list")
  end
  if plan.summary then
    expect(runs, "zset")
  end
end

local function conflict(at, length, commit)
  local gap = at and (at[2] == "" or not on_log(at, length))
  local items = gap and {} or tail(at and at[1] or 0, length)
  return { "conflict", now, length, commit, gap and 1 or 0, items }
end

local function refused(reason, position)
  return { "refused", now, reason, position and math.max(tonumber(position), 0) or false }
end

local function revocable(revoke)
  if not held(revoke[1], revoke[2]) then
    return false
  end
  return revoke[3] or tonumber(redis.call("ZSCORE", leases, revoke[1])) <= now
end

-- The answer that refuses this plan, or nothing.
local function refusal(plan, length, commit, ended, unread)
  if plan.on == "head" then
    local at = plan.at
    if length ~= (at and at[1] or 0) or (at and (length == 0 or at[2] ~= commit)) then
      return conflict(at, length, commit)
    end
  elseif length == 0 then
    return refused("unknown")
  elseif plan.on == "open" and redis.call("HEXISTS", chain, plan.once) == 1 then
    return refused("twice", redis.call("HGET", chain, plan.once)) -- even after the end: it was delivered
  elseif ended then
    return refused("ended")
  elseif plan.on == "holding" and not held(plan.path, plan.token) and not accepts(plan.path, plan.token) then
    return refused("resolved")
  elseif plan.on == "open" and plan.payloads and unread + plan.payloads > plan.inbox then
    return refused("inbox")
  end
  for _, revoke in ipairs(plan.revoke) do
    if not revocable(revoke) then
      return refused("revoked")
    end
  end
end

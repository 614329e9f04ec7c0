-- What the generations of a chain share: the open hooks, the number of the newest one (1 is not kept), and the keys of
-- payloads, which each hands to the next.

-- Mailed links survive until the last generation ends.
local function close_hooks(named)
  local open = prefix .. ":hooks:" .. named
  for _, token in ipairs(redis.call("SMEMBERS", open)) do
    local hook = redis.call("HGET", tokens, token)
    if hook and cjson.decode(hook)[1] == named then -- another chain may have opened it since
      redis.call("HDEL", tokens, token)
    end
  end
  redis.call("DEL", open)
end

-- The keys of payloads that a new generation starts with: the last ones of the generation before, still in their order
-- (0 or less: not a position in this log).
local function carry_keys(former)
  local keys, all = {}, redis.call("HGETALL", prefix .. ":chain:" .. former)
  for index = 1, #all, 2 do
    if string.sub(all[index], 1, 5) == "hook:" then
      keys[#keys + 1] = { all[index], tonumber(all[index + 1]) }
    end
  end
  table.sort(keys, function(one, other)
    return one[2] > other[2]
  end)
  for index = 1, math.min(#keys, KEYS_CARRIED) do
    redis.call("HSET", chain, keys[index][1], 1 - index)
  end
end

-- A later generation begins.
local function follow(plan)
  carry_keys(plan.former)
  if plan.generation > tonumber(redis.call("HGET", newest, plan.chain) or 1) then
    redis.call("HSET", newest, plan.chain, plan.generation)
  end
end

-- A later generation is deleted: if it was the newest, the one before it is, of those that are left. It
-- looks at no more names than were deleted before it.
local function step_back(named, number)
  if number ~= tonumber(redis.call("HGET", newest, named) or 1) then
    return
  end
  repeat
    number = number - 1
  until number == 1 or redis.call("EXISTS", prefix .. ":log:" .. named .. "~" .. number) == 1
  if number == 1 then
    redis.call("HDEL", newest, named)
  else
    redis.call("HSET", newest, named, number)
  end
end

-- Deliveries that the copied events of a new run are.
local function know_keys(keys)
  for once, position in pairs(keys) do
    redis.call("HSET", chain, once, position)
  end
end

-- A commit, 6: what it writes of what the generations of a chain share: the open hooks, the number of the newest one (1
-- is not kept), and the keys of deliveries, of which each hands the payloads' to the next.
local chain, newest = key("chain"), prefix .. ":newest"

-- A later generation starts with the last keys of the one before, still in their order (0 or less: not a position
-- in this log).
if plan.former then
  local keys, all = {}, redis.call("HGETALL", prefix .. ":chain:" .. plan.former)
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
  if plan.generation > tonumber(redis.call("HGET", newest, plan.chain) or 1) then
    redis.call("HSET", newest, plan.chain, plan.generation)
  end
end
for once, position in pairs(plan.keys or NONE) do -- deliveries that the copied events of a new run are
  redis.call("HSET", chain, once, position)
end
if plan.once then
  redis.call("HSET", chain, plan.once, length + 1)
end
for token, hook in pairs(plan.hooks or NONE) do
  redis.call("HSET", prefix .. ":tokens", token, cjson.encode({ plan.chain, hook }))
  redis.call("SADD", prefix .. ":hooks:" .. plan.chain, token)
end
if plan.done and status ~= "continued" then
  close_hooks(plan.chain)
end

-- The queues that a run ever left free work for: JSON, a field of its summary.
local function queues_of(text)
  return text and cjson.decode(text) or {}
end

-- Adds it; answers whether it is new.
local function know_queue(queues, queue)
  for _, known in ipairs(queues) do
    if known == queue then
      return false
    end
  end
  queues[#queues + 1] = queue
  return true
end

-- Nothing can be claimed any more.
local function drop_work(queues)
  local names = { work, leases }
  for _, queue in ipairs(queues) do
    names[#names + 1] = free_key(queue)
  end
  redis.call("DEL", unpack(names))
end

-- A commit, 3: the work table as it will be, and the words to write it with.
for _, held in ipairs(revoke) do
  after[held[1]] = false
end
for _, path in ipairs(drop) do
  after[path] = false
end
for _, entry in ipairs(put) do
  after[entry[1]] = entry[2]
end
local claims, lease = {}, nil -- the places of those that are given, and the first end of a new lease
local paused = status == "paused"
if given then
  paused = given.status == "paused"
end
for index, wanted in ipairs(paused and NONE or claim) do
  local path, text = wanted[1], after[wanted[1]]
  local entry = text and not end_of_json(text) and cjson.decode(text)
  if entry and (entry[5] or 0) <= now then
    after[path], lease_ends[path] = claimed(text, entry, wanted[2], plan.worker)
    lease, claims[#claims + 1] = earlier(lease, lease_ends[path]), index
  end
end

local set, gone, held, let_go, freed, taken, entries = {}, {}, {}, {}, {}, {}, redis.call("HLEN", work)
for _, path in ipairs(paths) do
  local old, new, lease_end = before[path], after[path], lease_ends[path]
  if old ~= new then
    if new then
      set[#set + 1], set[#set + 2] = path, new
    else
      gone[#gone + 1] = path
    end
    if lease_end then
      held[#held + 1], held[#held + 2] = lease_end, path
    elseif new then
      local entry = cjson.decode(new)
      if (entry[5] or 0) < NEVER then
        local words = freed[entry[1]] or {}
        freed[entry[1]], words[#words + 1], words[#words + 2] = words, entry[5] or 0, path
      end
    end
    if old and not end_of_json(old) then
      local queue = cjson.decode(old)[1]
      taken[queue] = taken[queue] or {}
      table.insert(taken[queue], path)
    elseif old and not lease_end then
      let_go[#let_go + 1] = path
    end
    entries = entries + (new and 1 or 0) - (old and 1 or 0)
  end
end

-- The first score in a sorted set of paths, of those that it keeps.
local function first_kept(name)
  local found = redis.call("ZRANGE", name, 0, #paths, "WITHSCORES")
  for index = 1, #found, 2 do
    if before[found[index]] == after[found[index]] then
      return tonumber(found[index + 1])
    end
  end
end

lease = earlier(lease, first_kept(leases))
local new_queue, first = false, nil -- when the first free entry is due
for queue, words in pairs(freed) do
  new_queue = know_queue(queues, queue) or new_queue
  for index = 1, #words, 2 do
    first = earlier(first, words[index])
  end
end
for _, queue in ipairs(queues) do
  first = earlier(first, first_kept(free_key(queue)))
end

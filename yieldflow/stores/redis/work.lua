-- Open work: a hash of entries by path, for each queue a sorted set of the free ones, and one of leases. An entry is
-- JSON, [queue, event, attempt, lease] and, unless they are all as by default, [..., not before, timeout, losses,
-- accepts, details], where false is the default. One that is claimed goes on in lines: token, since, deadline or
-- nothing, worker. Paths sort as numbers do. What is never due stands in no set of free paths.

-- Where the JSON of an entry ends and its claim begins; nothing, if it is free.
local function end_of_json(text)
  return string.find(text, "\n", 1, true)
end

-- Whether the entry is claimed with this token.
local function is_held(text, token)
  local line = text and end_of_json(text)
  return line and string.sub(text, line + 1, line + #token + 1) == token .. "\n"
end

-- A free entry as it is when it is claimed now, and the end of its lease.
local function claimed(text, entry, token, worker)
  local deadline = entry[6] and now + entry[6]
  local lease_end = math.min(now + entry[4], deadline or math.huge)
  return text .. "\n" .. token .. "\n" .. now .. "\n" .. (deadline or "") .. "\n" .. worker, lease_end
end

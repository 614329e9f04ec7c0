-- ARGV: prefix, nothing, the question as JSON: groups of sorted sets (a run fits that is in one of each group); since and
-- until (exclusive); after which place; oldest first; at most so many runs, and to look at so many. Goes through the
-- group with the fewest runs. Answers those that fit, and the place to go on after (nothing: that was the end).
local function streams_of(group)
  local streams, size = {}, 0
  for _, name in ipairs(group) do
    local first, beyond = span_of(prefix .. name)
    size = size + math.max(0, beyond - first)
    streams[#streams + 1] = { name = prefix .. name, first = first, beyond = beyond, found = {}, at = 1 }
  end
  return streams, size
end

local streams, size, through = nil, math.huge, nil
for number, group in ipairs(asked.groups) do
  local others, count = streams_of(group)
  if count < size then
    streams, size, through = others, count, number
  end
end

-- The place of the next run in a stream, read some at a time.
local function head_of(stream)
  if stream.at > #stream.found and stream.first < stream.beyond then
    local last = math.min(stream.first + asked.most, stream.beyond) - 1
    stream.found, stream.at = redis.call(ranks, stream.name, stream.first, last, "WITHSCORES"), 1
    stream.first = last + 1
  end
  local run = stream.found[stream.at]
  return run and { tonumber(stream.found[stream.at + 1]), run }
end

local function next_place()
  local first, from = nil, nil
  for _, stream in ipairs(streams) do
    local head = head_of(stream)
    if head and (not first or comes_before(head, first)) then
      first, from = head, stream
    end
  end
  if from then
    from.at = from.at + 2
  end
  return first
end

local function is_in_one(group, member)
  for _, name in ipairs(group) do
    if redis.call("ZSCORE", prefix .. name, member) then
      return true
    end
  end
  return false
end

local function fits(member)
  for number, group in ipairs(asked.groups) do
    if number ~= through and not is_in_one(group, member) then
      return false
    end
  end
  return true
end

local found, place = {}, nil
for _ = 1, asked.look do
  if #found == asked.most then
    break
  end
  place = next_place()
  if not place then
    break
  end
  if fits(place[2]) then
    local about = prefix .. ":run:" .. place[2]
    found[#found + 1] = { place[2], redis.call("HMGET", about, "workflow", "queue", "status", "started", "rest", "note") }
  end
end
return { found, place and place[2] or false, place and string.format("%.0f", place[1]) or false }

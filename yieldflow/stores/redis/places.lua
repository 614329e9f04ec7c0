-- Places of runs in sorted sets: by when they started, then by the bytes of their ids; newest first, or *oldest* first.
local asked = cjson.decode(ARGV[3])
local oldest, after = asked.oldest, asked.after
local ranks = oldest and "ZRANGE" or "ZREVRANGE"

-- Lua itself compares as the locale of the server says.
local function less(one, other)
  for at = 1, math.min(#one, #other) do
    local left, right = string.byte(one, at), string.byte(other, at)
    if left ~= right then
      return left < right
    end
  end
  return #one < #other
end

local function comes_before(one, other)
  if one[1] ~= other[1] then
    return (one[1] < other[1]) == oldest
  end
  return one[2] ~= other[2] and less(one[2], other[2]) == oldest
end

local function counted(name, from, to)
  return redis.call("ZCOUNT", name, from, to)
end

-- The rank of the first run that comes after the place where the last page ended, which may be gone by now.
local function rank_after(name)
  local at = after[1]
  local low = oldest and counted(name, "-inf", "(" .. at) or counted(name, "(" .. at, "+inf")
  local high = oldest and counted(name, "-inf", at) or counted(name, at, "+inf")
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = redis.call(ranks, name, middle, middle)[1]
    if member ~= after[2] and less(after[2], member) == oldest then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

-- The ranks of what is asked for in a set: the first one, and the first one beyond.
local function span_of(name)
  local first, beyond
  if oldest then
    first, beyond = counted(name, "-inf", "(" .. asked.since), counted(name, "-inf", "(" .. asked["until"])
  else
    first, beyond = counted(name, asked["until"], "+inf"), counted(name, asked.since, "+inf")
  end
  return after and math.max(first, rank_after(name)) or first, beyond
end

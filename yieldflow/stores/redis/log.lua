-- The log is a list of "<commit id> <event>": a mark can be checked at any length, not only at the end.
local CHUNK = 25 -- events read at a time: a tail of large ones reads little in vain

local function commit_of(item)
  return string.sub(item, 1, string.find(item, " ", 1, true) - 1)
end

-- The length and the commit id; a single command if the end is where it is expected.
local function head_of_log(expected)
  local last = expected and expected[1] > 0 and redis.call("LRANGE", log, expected[1] - 1, expected[1]) or {}
  if #last == 1 and commit_of(last[1]) == expected[2] then
    return expected[1], expected[2]
  end
  local length = redis.call("LLEN", log)
  return length, length > 0 and commit_of(redis.call("LINDEX", log, -1)) or ""
end

-- Whether a mark {length, commit id} is a place in this log; an empty id is taken at its length.
local function on_log(mark, length)
  if mark[1] > length or mark[2] == "" then
    return mark[2] == "" and (mark[1] <= length or mark[1] == NO_EVENTS)
  end
  return mark[1] > 0 and commit_of(redis.call("LINDEX", log, mark[1] - 1)) == mark[2]
end

local function tail(from, length)
  from = from < 0 and math.max(0, length + from) or from
  local items, bytes, last = {}, 0, math.min(length, from + TAIL_EVENTS)
  for start = from, last - 1, CHUNK do
    for _, item in ipairs(redis.call("LRANGE", log, start, math.min(last, start + CHUNK) - 1)) do
      bytes = bytes + #item - string.find(item, " ", 1, true)
      if bytes > TAIL_BYTES and #items > 0 then
        return items
      end
      items[#items + 1] = item
    end
  end
  return items
end

-- The keys of one run, and the server's time in whole milliseconds. Kind first, so that no run id can
-- name another kind's key. ARGV: prefix, run, then what the verb says.
local prefix, run = ARGV[1], ARGV[2]

local function key(kind)
  return prefix .. ":" .. kind .. ":" .. run
end

local log, summary, work, leases = key("log"), key("run"), key("work"), key("leases")
local alarms = prefix .. ":alarms"

-- The length of the queue's name keeps queue and run apart, whatever characters they hold.
local function free_key(queue)
  return prefix .. ":free:" .. #queue .. ":" .. queue .. ":" .. run
end

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- One command for many words, from the *first* one on; unpack fails above about 8,000 values.
local function each(command, name, words, first)
  for start = first or 1, #words, 1000 do
    redis.call(command, name, unpack(words, start, math.min(start + 999, #words)))
  end
end

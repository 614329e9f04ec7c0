-- The keys of one run, and the server's time in whole milliseconds. Kind first, so that no run id can
-- name another kind's key. ARGV: prefix, run, then what the verb says.
local prefix, run = ARGV[1], ARGV[2]

local function key(kind)
  return prefix .. ":" .. kind .. ":" .. run
end

-- The length of the queue's name keeps queue and run apart, whatever characters they hold.
local function free_key(queue)
  return prefix .. ":free:" .. #queue .. ":" .. queue .. ":" .. run
end

local log, summary, chain = key("log"), key("run"), key("chain")
local work, claims, leases = key("work"), key("claims"), key("leases")
local alarms, tokens, runs = prefix .. ":alarms", prefix .. ":tokens", prefix .. ":runs"
local newest, replaying = prefix .. ":newest", key("replaying")

local function status_key(status)
  return prefix .. ":status:" .. status
end

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The queues that this run ever had work for: fields "q:<name>" of its summary.
local function queues_of_run()
  local names = {}
  for _, field in ipairs(redis.call("HKEYS", summary)) do
    if string.sub(field, 1, 2) == "q:" then
      names[#names + 1] = string.sub(field, 3)
    end
  end
  return names
end

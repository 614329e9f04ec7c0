-- ARGV: prefix, nothing, status (or nothing), since, until (exclusive), the start and run id of the last one seen (or
-- nothing), at most so many. Newest first; when the last one seen is gone, its equals come again.
local index = ARGV[3] == "" and prefix .. ":runs" or prefix .. ":status:" .. ARGV[3]
local first = redis.call("ZCOUNT", index, ARGV[5], "+inf")
if ARGV[7] ~= "" then
  local score = redis.call("ZSCORE", index, ARGV[7])
  if score and tonumber(score) == tonumber(ARGV[6]) then
    first = redis.call("ZREVRANK", index, ARGV[7]) + 1
  else
    first = math.max(first, redis.call("ZCOUNT", index, "(" .. ARGV[6], "+inf"))
  end
end
local found = {}
local members = redis.call("ZREVRANGE", index, first, first + ARGV[8] - 1, "WITHSCORES")
for at = 1, #members, 2 do
  local started = tonumber(members[at + 1])
  if started < (tonumber(ARGV[4]) or -math.huge) then
    break
  end
  local about = prefix .. ":run:" .. members[at]
  found[#found + 1] = { members[at], redis.call("HMGET", about, "workflow", "queue", "status", "started", "rest", "note") }
end
return found

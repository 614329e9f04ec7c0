-- ARGV: prefix, run, the length and commit id of the mark that is known ("0" and "": none), 1 if whoever reads is
-- about to replay it, whatever its queue, and the queues whose runs it is about to replay.
local length, commit = head_of_log()
if length == 0 then
  return { now, 0 }
end
local after = { tonumber(ARGV[3]), ARGV[4] }
local gap = not on_log(after, length)
local claims, held = {}, redis.call("ZRANGE", leases, 0, -1, "WITHSCORES")
for index = 1, #held, 2 do
  local text = redis.call("HGET", work, held[index])
  if text and end_of_json(text) then -- else the table was lost, and perhaps put back
    claims[#claims + 1] = { held[index], text, tonumber(held[index + 1]) }
  end
end
local about = redis.call("HMGET", summary, "workflow", "queue", "status", "started", "rest", "note")
local others = redis.call("HMGET", summary, "rings", "queues", "replays")
local free = {}
for _, queue in ipairs(queues_of(others[2])) do
  free[#free + 1] = { queue, redis.call("ZCOUNT", free_key(queue), "-inf", now) }
end
local alarm = redis.call("ZSCORE", alarms, run)
local replays, replays_it = others[3] or "", ARGV[5] == "1"
for index = 6, #ARGV do
  replays_it = replays_it or ARGV[index] == about[2]
end
local answer = {
  now, length, commit, gap and 1 or 0, tail(gap and 0 or after[1], length), claims, free, redis.call("HLEN", work), about,
  alarm and tonumber(alarm) or false, tonumber(others[1] or 0), replays,
}
if replays_it then
  local kept = replays == "" and {} or cjson.decode(replays)
  kept[#kept + 1] = now
  redis.call("HSET", summary, "replays", cjson.encode({ unpack(kept, math.max(1, #kept - REPLAYS_KEPT + 1)) }))
end
return answer

-- ARGV: prefix, run, the length and commit id of the mark that is known ("0" and "": none), 1 if whoever reads is
-- about to replay it, whatever its queue, and the queues whose runs it is about to replay.
local length, commit = head_of_log()
if length == 0 then
  return { now, 0 }
end
local after = { tonumber(ARGV[3]), ARGV[4] }
local gap = not on_log(after, length)
local claimed = {}
local held_claims = redis.call("HGETALL", claims)
for index = 1, #held_claims, 2 do
  local path = held_claims[index]
  local lease = redis.call("ZSCORE", leases, path)
  claimed[#claimed + 1] = { path, redis.call("HGET", work, path), held_claims[index + 1], tonumber(lease) }
end
local free = {}
for _, queue in ipairs(queues_of_run()) do
  free[#free + 1] = { queue, redis.call("ZCOUNT", free_key(queue), "-inf", now) }
end
local about = redis.call("HMGET", summary, "about", "status", "note", "rings")
local rings = tonumber(table.remove(about) or 0)
local alarm = redis.call("ZSCORE", alarms, run)
local replays = redis.call("LRANGE", replaying, 0, -1)
local replays_it, queue = ARGV[5] == "1", redis.call("HGET", summary, "queue")
for index = 6, #ARGV do
  replays_it = replays_it or ARGV[index] == queue
end
if replays_it then
  redis.call("RPUSH", replaying, now)
  redis.call("LTRIM", replaying, -REPLAYS_KEPT, -1)
end
local items = tail(gap and 0 or after[1], length)
return {
  now, length, commit, gap and 1 or 0, items, claimed, free, redis.call("HLEN", work), about,
  alarm and tonumber(alarm) or false, rings, replays,
}

-- ARGV: prefix, run, path, token, not before. Nobody may be left to claim it: the alarm rings soon.
local path, not_before, text = ARGV[3], tonumber(ARGV[5]), redis.call("HGET", work, ARGV[3])
if not is_held(text, ARGV[4]) then
  return 0
end
local entry = cjson.decode(string.match(text, "[^\n]*"))
local base, queues = unpack(redis.call("HMGET", summary, "alarm", "queues"))
base = earlier(tonumber(base or ""), math.max(not_before, now + HINT_AFTER))
redis.call("HSET", summary, "alarm", base)
queues = queues_of(queues)
if know_queue(queues, entry[1]) then
  redis.call("HSET", summary, "queues", cjson.encode(queues))
end
redis.call("HSET", work, path, with(entry, 5, not_before))
redis.call("ZREM", leases, path)
redis.call("ZADD", free_key(entry[1]), not_before, path)
set_alarm(earlier(base, tonumber(redis.call("ZRANGE", leases, 0, 0, "WITHSCORES")[2] or "")))
return 1

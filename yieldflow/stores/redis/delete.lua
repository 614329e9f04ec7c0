-- ARGV: prefix, run. Nothing of the run is left.
local status = redis.call("HGET", summary, "status")
finish()
if status then
  redis.call("ZREM", status_key(status), run)
end
redis.call("ZREM", runs, run)
redis.call("DEL", log, summary, chain)
redis.call("PUBLISH", key("moved"), 0)
return 1

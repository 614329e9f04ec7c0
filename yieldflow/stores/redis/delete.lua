-- ARGV: prefix, run, its chain, its number in it. Nothing of the run is left.
local named, number = ARGV[3], tonumber(ARGV[4])
local status = redis.call("HGET", summary, "status")
finish()
redis.call("ZREM", alarms, run)
if number == 1 then
  close_hooks(named)
else
  step_back(named, number)
end
if status then
  redis.call("ZREM", status_key(status), run)
end
redis.call("ZREM", runs, run)
redis.call("DEL", log, summary, chain, replaying)
redis.call("PUBLISH", key("moved"), 0)
return 1

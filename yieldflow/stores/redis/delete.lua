-- ARGV: prefix, run, its chain, its number in it. Nothing of the run is left.
local named, number, newest = ARGV[3], tonumber(ARGV[4]), prefix .. ":newest"
local status, queues, workflow, rest = unpack(redis.call("HMGET", summary, "status", "queues", "workflow", "rest"))
drop_work(queues_of(queues))
redis.call("ZREM", alarms, run)
if number == 1 then
  close_hooks(named)
elseif number == tonumber(redis.call("HGET", newest, named) or 1) then
  -- the newest is now the one before, of those that are left: no more names are looked at than were deleted
  repeat
    number = number - 1
  until number == 1 or redis.call("EXISTS", prefix .. ":log:" .. named .. "~" .. number) == 1
  if number == 1 then
    redis.call("HDEL", newest, named)
  else
    redis.call("HSET", newest, named, number)
  end
end
if status then
  redis.call("ZREM", prefix .. ":status:" .. status, run)
  for name in pairs(listed_in(workflow, rest)) do
    redis.call("ZREM", name, run)
  end
end
redis.call("DEL", log, summary, key("chain"))
redis.call("PUBLISH", key("moved"), 0)
redis.call("PUBLISH", key("ended"), 0)
return 1

-- ARGV: prefix, run, path, token, "=" and details or nothing, deadline or nothing. An expired claim that nobody
-- revoked is still valid.
local path, text = ARGV[3], redis.call("HGET", work, ARGV[3])
if not is_held(text, ARGV[4]) then
  return false
end
local json, token, since, deadline, worker = string.match(text, "^(.-)\n(.-)\n(.-)\n(.-)\n(.*)$")
local entry = cjson.decode(json)
deadline = earlier(tonumber(deadline), tonumber(ARGV[6]))
if ARGV[5] ~= "" then
  json = with(entry, 9, string.sub(ARGV[5], 2))
end
local renewed = json .. "\n" .. token .. "\n" .. since .. "\n" .. (deadline or "") .. "\n" .. worker
if renewed ~= text then
  redis.call("HSET", work, path, renewed)
end
local lease_end = earlier(now + entry[4], deadline)
redis.call("ZADD", leases, lease_end, path)
move_alarm(redis.call("HGET", summary, "alarm"), lease_end)
return { head_of_log() }

-- The summary of a run, and the sorted sets by which runs are listed (by the time of their start).
local function index(old, status, started)
  redis.call("ZADD", runs, started, run)
  if old and old ~= status then
    redis.call("ZREM", status_key(old), run)
  end
  redis.call("ZADD", status_key(status), started, run)
end

-- Writes what a commit leaves in the summary; *old* is the status before it, *base* its alarm.
local function save(plan, old, events, base, unread)
  local fields = { "alarm", base or "", "payloads", unread }
  local function set(name, value)
    fields[#fields + 1], fields[#fields + 2] = name, value
  end
  local given = plan.on == "head" and plan.summary
  if given then
    for _, name in ipairs({ "about", "status", "note", "queue", "started" }) do
      set(name, given[name])
    end
  end
  local status = given and given.status or old
  local tended = plan.on == "head" and not given and not plan.keeps_rings
  if events > 0 or tended then -- the log that could not be continued is another now, or the note was of other code
    set("note", "")
    if status == "blocked" then
      status = "running"
      set("status", status)
    end
  end
  if given or status ~= old then
    index(old, status, given and given.started or redis.call("HGET", summary, "started"))
  end
  if (not given or given.note == "") and not plan.keeps_rings then
    set("rings", 0)
  end
  local queue
  for _, entry in ipairs(plan.put) do
    if entry[2] ~= queue then -- most commits put work of one queue
      queue = entry[2]
      redis.call("HSET", summary, "q:" .. queue, 1)
    end
  end
  redis.call("HSET", summary, unpack(fields))
end

-- The run has ended: nothing can be claimed or resolved any more, and waiters wake.
local function finish()
  for _, queue in ipairs(queues_of_run()) do
    redis.call("DEL", free_key(queue))
  end
  redis.call("DEL", work, claims, leases)
  redis.call("HSET", summary, "ended", 1)
  redis.call("PUBLISH", key("done"), "")
end

-- A commit, 4: the summary as it will be (only what changes is written), and when the run is looked at again.
local fields = {}
local function field(called, value)
  fields[#fields + 1], fields[#fields + 2] = called, value
end

local was, noted = status, given and given.note and given.note ~= ""
for called, value in pairs(given or NONE) do
  field(called, value)
end
status = given and given.status or status
if events > 0 or (on_head and not given and not plan.keeps_rings) then
  -- the log that could not be continued is another now, or the note was of other code
  if noted or (note and note ~= "") then
    field("note", "")
  end
  if status == "blocked" then
    status = "running"
    field("status", status)
  end
end
if rings and rings ~= "0" and not noted and not plan.keeps_rings then
  field("rings", 0)
end
if replays and replays ~= "" and on_head and not plan.keeps_replays then
  field("replays", "")
end
if new_queue then
  field("queues", cjson.encode(queues))
end

local left = on_head and (plan.payloads or unread) or unread + (plan.payloads or 0)
if left ~= unread then
  field("payloads", left)
end

local base, soon = plan.alarm, now + HINT_AFTER
if not on_head then
  base = math.min(alarm or math.huge, plan.alarm or math.huge, soon) -- who reports or delivers cannot decide
elseif not plan.done and not paused then
  if entries < (plan.entries or 0) then
    base = earlier(base, soon) -- the table was lost
  end
  base = earlier(base, first and math.max(first, soon))
end
if base ~= alarm then
  field("alarm", base or "")
end
if plan.done then
  lease, entries = nil, 0
  field("ended", 1)
end

-- A commit, 7: its answer. Those who wait for the run look again.
if events > 0 then
  length, commit = length + events, commit_of(ARGV[4])
  redis.call("PUBLISH", key("moved"), length)
  if plan.done then
    redis.call("PUBLISH", key("ended"), length)
  end
end
local answer = { "done", now, length, commit, entries, claims }
if plan.after then
  answer[7], answer[8] = gap and 1 or 0, gap and {} or tail(plan.after[1], length)
end
return answer

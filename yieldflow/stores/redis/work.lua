-- Open work: a hash of entries, a sorted set of free paths for each queue, a hash of claims, a sorted set
-- of their leases. An entry is [queue, event, attempt, lease, timeout or false, not before, losses, accepts or
-- false, details or false]; a claim is [token, worker, since, deadline or false]. Paths sort as numbers do. What is
-- never due stands in no set of free paths.
local function take_off(path)
  if redis.call("HDEL", claims, path) == 1 then
    redis.call("ZREM", leases, path)
    return
  end
  local entry = redis.call("HGET", work, path)
  if entry then
    redis.call("ZREM", free_key(cjson.decode(entry)[1]), path)
  end
end

local function drop(path)
  take_off(path)
  redis.call("HDEL", work, path)
end

local function put(path, queue, not_before, entry)
  take_off(path)
  redis.call("HSET", work, path, entry)
  if not_before < NEVER then
    redis.call("ZADD", free_key(queue), not_before, path)
  end
end

-- The claim at *path* if it is still there and has this token.
local function held(path, token)
  local text = redis.call("HGET", claims, path)
  local claim = text and cjson.decode(text)
  return claim and claim[1] == token and claim
end

-- Whether a report under this token is taken though it is no claim's: a child run's.
local function accepts(path, token)
  local text = redis.call("HGET", work, path)
  return text and cjson.decode(text)[8] == token
end

-- Takes a free entry that is due; answers the entry's text and the claim, or nothing.
local function claim(path, token, worker)
  local text = redis.call("HGET", work, path)
  local entry = text and cjson.decode(text)
  local not_before = entry and redis.call("ZSCORE", free_key(entry[1]), path)
  if not not_before or tonumber(not_before) > now then
    return nil
  end
  local deadline = entry[5] and now + entry[5]
  local lease_end = math.min(now + entry[4], deadline or math.huge)
  local claimed = cjson.encode({ token, worker, now, deadline })
  redis.call("ZREM", free_key(entry[1]), path)
  redis.call("HSET", claims, path, claimed)
  redis.call("ZADD", leases, lease_end, path)
  return text, claimed, lease_end
end

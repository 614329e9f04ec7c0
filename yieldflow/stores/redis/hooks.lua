-- The open hooks of a chain: mailed links survive until its last generation ends.
local function close_hooks(named)
  local open, tokens = prefix .. ":hooks:" .. named, prefix .. ":tokens"
  for _, token in ipairs(redis.call("SMEMBERS", open)) do
    local hook = redis.call("HGET", tokens, token)
    if hook and cjson.decode(hook)[1] == named then -- another chain may have opened it since
      redis.call("HDEL", tokens, token)
    end
  end
  redis.call("DEL", open)
end

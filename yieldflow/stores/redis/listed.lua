-- The sorted sets in which a run is listed by when it started, besides that of its status: one for its workflow, and one
-- for each of its tags. *rest*: that field of its summary.
local function listed_in(workflow, rest)
  local names = { [prefix .. ":workflow:" .. workflow] = true }
  local tags = rest and rest ~= "" and cjson.decode(rest)[2] or {}
  for tag, value in pairs(tags) do
    names[prefix .. ":tag:" .. #tag .. ":" .. tag .. ":" .. value] = true
  end
  return names
end

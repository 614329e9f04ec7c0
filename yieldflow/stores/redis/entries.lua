-- An entry of which one field is another.
local function with(entry, place, value)
  for index = 5, 9 do
    entry[index] = entry[index] or false
  end
  entry[place] = value
  return cjson.encode(entry)
end

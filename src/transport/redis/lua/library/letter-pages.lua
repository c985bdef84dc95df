-- Reading dead letters and their audit in pages whose size is bounded.
-- uses: entries, dead-lettering, rights, dead-letters

-- An entry up to this size is given whole; of a larger one, as much as this at most.
local LARGEST_WHOLE = 524288
-- What is left of a name and of a value of a larger one.
local LONGEST_NAME = 1024
local LONGEST_VALUE = 16384
-- What a name or a value costs at least, however short it is.
local PART_BYTES = 16

-- Where a page ends, in bytes that it gives, and in bytes that were looked at: Redis serves nobody else meanwhile.
local PAGE_BYTES = 1048576
local LOOKED_AT_BYTES = 16777216

local function size_of(parts)
  local bytes = 0
  for _, part in ipairs(parts) do
    bytes = bytes + #part
  end
  return bytes
end

-- Whether a field says something of the dead letter itself: these come first where not all can be given.
local function is_info(name)
  if string.sub(name, 1, #RENAMED) == RENAMED or name == 'dlt-original-packed' then
    return false
  end
  return string.sub(name, 1, 4) == 'dlt-' or name == 'retry' or REPLAY_FIELDS[name] ~= nil
end

-- What is given of a large entry; and of each name and value that was cut, where it is in it, from 0, and its full
-- length.
local function cut_down(fields)
  local left, is_kept = LARGEST_WHOLE, {}
  for _, wanted in ipairs({ true, false }) do
    for i = 1, #fields, 2 do
      local name, value = fields[i], fields[i + 1]
      local cost = 2 * PART_BYTES + math.min(#name, LONGEST_NAME) + math.min(#value, LONGEST_VALUE)
      if is_info(name) == wanted and cost <= left then
        left = left - cost
        is_kept[i] = true
      end
    end
  end
  local parts, cuts = {}, {}
  local function give(part, longest)
    if #part > longest then
      cuts[#cuts + 1] = #parts
      cuts[#cuts + 1] = #part
    end
    parts[#parts + 1] = string.sub(part, 1, longest)
  end
  for i = 1, #fields, 2 do
    if is_kept[i] then
      give(fields[i], LONGEST_NAME)
      give(fields[i + 1], LONGEST_VALUE)
    end
  end
  return parts, cuts
end

-- KEYS: stream of dead letters or of their audit, notes of dead letters unless it is the audit. ARGV: 'up' or 'down',
-- from which id, to which, most entries. Answers the next entries, none at the end of the range alone: id, whether it
-- is foreign, bytes, names and values, what was cut of them as cut_down has it, fields left out.
local function read_page(keys, args)
  local stream, notes, from, to, most = keys[1], keys[2], args[2], args[3], tonumber(args[4])
  local is_up = args[1] == 'up'
  local read = is_up and 'XRANGE' or 'XREVRANGE'
  local problem = type_error(stream, 'stream') or denied_error({ { read, stream, 'x', 'x' } })
  if notes then
    problem = problem or type_error(notes, 'zset') or denied_error({ { 'ZSCORE', notes, '' } })
  end
  if problem then
    return raise(problem)
  end
  -- Nothing lies beyond, and Redis refuses to look there.
  local beyond = is_up and '(' .. GREATEST_ID or '(0-0'
  local page, given, looked_at = {}, 0, 0
  while #page < most and given < PAGE_BYTES and looked_at < LOOKED_AT_BYTES and from ~= beyond do
    local entry = redis.call(read, stream, from, to, 'COUNT', 1)[1]
    if not entry then
      break
    end
    local id, fields = entry[1], entry[2]
    local bytes, parts, cuts = size_of(fields), fields, {}
    if bytes + PART_BYTES * #fields > LARGEST_WHOLE then
      parts, cuts = cut_down(fields)
    end
    local foreign = notes and not redis.call('ZSCORE', notes, id)
    page[#page + 1] = { id, foreign and 1 or 0, bytes, parts, cuts, (#fields - #parts) / 2 }
    given = given + size_of(parts) + PART_BYTES * #parts
    looked_at = looked_at + bytes + PART_BYTES * #fields
    from = '(' .. id
  end
  return page
end

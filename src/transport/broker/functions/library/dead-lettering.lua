-- The fields of a dead letter that come from the entry: as they are; those that would collide with ours renamed.
local MAX_FIELDS = 1000

local function original_fields(fields, added)
  local copied, replays = {}, '0'
  local must_pack = #fields > 2 * MAX_FIELDS
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'dlt-replays' and string.match(value, '^%d%d?%d?%d?%d?%d?$') then
      replays = value
    elseif not must_pack then
      if added[name] or string.sub(name, 1, 4) == 'dlt-' then
        name = 'dlt-original-field-' .. name
      end
      copied[#copied + 1] = name
      copied[#copied + 1] = value
    end
  end
  if must_pack then
    local packed = {}
    for i, part in ipairs(fields) do
      packed[i] = #part .. ':' .. part .. ','
    end
    copied = { 'dlt-original-packed', table.concat(packed) }
  end
  return copied, replays
end

-- How long a receipt tells the repeat of a step how the step ended, in ms.
local RECEIPT_MS = 60000

-- KEYS: stream, dead-letter stream, waiting list, receipt, keys of the writes. ARGV: group, owner, id, count, least idle time in
-- ms, number of names and values to add, these, number of names and values of the entry as the caller holds it (used
-- only when the stream has lost it; 0 when the caller holds nothing), these, the writes.
local function dead_letter(keys, args)
  local stream, letters, waiting, receipt, group, id = keys[1], keys[2], keys[3], keys[4], args[1], args[3]
  local at = 6
  local added, names = {}, {}
  for i = 1, tonumber(args[at]), 2 do
    added[#added + 1] = args[at + i]
    added[#added + 1] = args[at + i + 1]
    names[args[at + i]] = true
  end
  at = at + 1 + #added
  local held = {}
  for i = 1, tonumber(args[at]) do
    held[i] = args[at + i]
  end
  local writes = parse_writes(keys, args, at + 1 + #held)
  local problem = type_error(stream, 'stream')
    or type_error(letters, 'stream')
    or type_error(waiting, 'zset')
    or type_error(receipt, 'string')
    or writes_error(writes, { stream, letters, waiting, receipt }, {})
  if problem then
    return raise(problem)
  end
  local row = pending(stream, group, id)
  local refused = refusal(row, args[2], tonumber(args[4]))
  if refused then
    local letter_id = refused == 'gone' and redis.call('GET', receipt)
    if letter_id then
      return { 'done', letter_id }
    end
    return { refused }
  end
  if row.idle < tonumber(args[5]) then
    return { 'taken' }
  end
  local entry = redis.call('XRANGE', stream, id, id)[1]
  local fields = entry and entry[2] or held
  if #fields == 0 then
    return { 'vanished' }
  end
  if is_prevented(writes) then
    redis.call('XACK', stream, group, id)
    redis.call('ZREM', waiting, id)
    return { 'duplicate' }
  end
  local letter, replays = original_fields(fields, names)
  for _, part in ipairs(added) do
    letter[#letter + 1] = part
  end
  letter[#letter + 1] = 'dlt-replays'
  letter[#letter + 1] = replays
  local letter_id = redis.call('XADD', letters, '*', unpack(letter))
  redis.call('XACK', stream, group, id)
  redis.call('ZREM', waiting, id)
  redis.call('SET', receipt, letter_id, 'PX', RECEIPT_MS)
  apply_writes(writes, letter_id)
  return { 'done', letter_id }
end

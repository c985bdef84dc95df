-- Markers of idempotency keys.
-- uses: entries

-- A marker holds 'done:<entry>', or '<entry>:<delivery count>' while that delivery works. The pending entries list says
-- whether it still does: who failed, waits, died or was dead-lettered has lost the marker without a further write.
local function begin_one(keys, group, consumer, marker, id, count, ttl)
  local stream = keys[1]
  local refused = refusal(pending(stream, group, id), consumer, tonumber(count))
  if refused then
    return { refused }
  end
  local problem = type_error(marker, 'string')
  if problem then
    return { 'refused', problem }
  end
  local value = redis.call('GET', marker) or ''
  if string.sub(value, 1, 5) == 'done:' then
    return { 'duplicate' }
  end
  local owner, owner_count = string.match(value, '^(%d+%-%d+):(%d+)$')
  if owner and owner ~= id then
    local row = pending(stream, group, owner)
    if row and row.owner ~= PARKING and row.count == tonumber(owner_count) then
      return { 'busy', row.idle }
    end
  end
  local mine = id .. ':' .. count
  if ttl == '0' then
    redis.call('SET', marker, mine)
  else
    redis.call('SET', marker, mine, 'PX', ttl)
  end
  return { 'begun' }
end

-- KEYS: stream, markers. ARGV: group, consumer, then in turn for each of our entries that is about to be handled: index
-- of its marker, id, count, ms after which the marker expires if nothing becomes of it (0 for never). Answers one for
-- each: 'begun'; 'duplicate', the key is done; 'busy', another entry is at it, last heard of a number of ms ago; 'gone' or
-- 'taken', the entry is not ours; 'refused', and why.
local function begin(keys, args)
  local problem = type_error(keys[1], 'stream')
  if problem then
    return raise(problem)
  end
  local answers = {}
  for i = 3, #args, 4 do
    local marker = keys[tonumber(args[i])]
    answers[#answers + 1] = begin_one(keys, args[1], args[2], marker, args[i + 1], args[i + 2], args[i + 3])
  end
  return answers
end

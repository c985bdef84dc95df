-- KEYS: stream. ARGV: group, consumer, then ids and their counts in turn. Answers the ids that are not ours any more.
local function extend(keys, args)
  local stream, group, consumer = keys[1], args[1], args[2]
  local lost = {}
  for i = 3, #args, 2 do
    local id = args[i]
    local row = pending(stream, group, id)
    if refusal(row, consumer, tonumber(args[i + 1])) then
      lost[#lost + 1] = id
    elseif exists(stream, id) then -- XCLAIM drops a deleted entry from the pending list without a word
      redis.call('XCLAIM', stream, group, consumer, 0, id, 'JUSTID')
    end
  end
  return lost
end

-- Hands one entry back as if it had not been delivered, unless it is not ours. Answers whether it did.
local function release_one(stream, waiting, group, consumer, id, count, due)
  if refusal(pending(stream, group, id), consumer, count) or not exists(stream, id) then
    return false
  end
  redis.call('XCLAIM', stream, group, PARKING, 0, id, 'RETRYCOUNT', count - 1, 'JUSTID')
  redis.call('ZADD', waiting, due, id)
  return true
end

local function due_in(ms)
  return string.format('%.0f', now_ms() + tonumber(ms))
end

-- KEYS: stream, waiting list. ARGV: group, consumer, ms until they are due, then ids and their counts in turn. Hands
-- entries back that no handler works on, as if they had not been delivered.
local function release(keys, args)
  local stream, waiting, group, consumer = keys[1], keys[2], args[1], args[2]
  local problem = type_error(stream, 'stream') or type_error(waiting, 'zset')
  if problem then
    return raise(problem)
  end
  local released, due = 0, due_in(args[3])
  for i = 4, #args, 2 do
    if release_one(stream, waiting, group, consumer, args[i], tonumber(args[i + 1]), due) then
      released = released + 1
    end
  end
  return released
end

-- KEYS: stream, waiting list, what is remembered of the entry. ARGV: group, consumer, ms until it is due, id, count, what
-- to remember and for how many ms. Hands an entry back that met trouble which is not its own.
local function put_off(keys, args)
  local stream, waiting, kept = keys[1], keys[2], keys[3]
  local problem = type_error(stream, 'stream') or type_error(waiting, 'zset')
  if problem then
    return raise(problem)
  end
  if not release_one(stream, waiting, args[1], args[2], args[4], tonumber(args[5]), due_in(args[3])) then
    return 0
  end
  redis.call('SET', kept, args[6], 'PX', args[7])
  return 1
end

-- Markers of idempotency keys --------------------------------------------------------------------------------------

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
-- each: 'begun'; 'duplicate', the key is done; 'busy', another entry is at it, last heard of so many ms ago; 'gone' or
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

-- Entries that a consumer has: kept, handed back, put off, or acknowledged without a further step.
-- uses: entries

-- KEYS: stream. ARGV: group, consumer, then ids and their counts in turn. Keeps entries fresh that their handlers work
-- on. Answers the ids that are not ours any more.
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
-- entries back that no handler works on, as if they had not been delivered. Answers how many.
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

-- KEYS: stream, waiting list, what is remembered of the entry. ARGV: group, consumer, ms until it is due, id, count,
-- what to remember and for how many ms. Hands an entry back that met trouble which is not its own. Answers 1, or 0 when
-- it is not ours.
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

-- KEYS: stream. ARGV: group, id, consumer, count. Ends an entry that stays where it is (a dead letter read as input).
-- Answers 'done', or why it may not.
local function settle(keys, args)
  local problem = type_error(keys[1], 'stream')
  if problem then
    return raise(problem)
  end
  local refused = refusal(pending(keys[1], args[1], args[2]), args[3], tonumber(args[4]))
  if refused then
    return refused
  end
  redis.call('XACK', keys[1], args[1], args[2])
  return 'done'
end

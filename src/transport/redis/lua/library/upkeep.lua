-- What keeps a stream in order: the waiting list, notes, limits of consumers, consumers that are gone, retention.
-- uses: entries, unread

-- KEYS: stream, waiting list. ARGV: group, id to begin at, limit. Puts parked entries that the waiting list does not
-- have into it, due at once. Answers how many, and the id to go on at ('' at the end).
local function repair_parked(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'zset')
  if problem then
    return raise(problem)
  end
  local limit, repaired, now = tonumber(args[3]), 0, now_ms()
  local rows = redis.call('XPENDING', keys[1], args[1], args[2], '+', limit, PARKING)
  for _, row in ipairs(rows) do
    if not redis.call('ZSCORE', keys[2], row[1]) then
      redis.call('ZADD', keys[2], now, row[1])
      repaired = repaired + 1
    end
  end
  return { repaired, #rows == limit and '(' .. rows[#rows][1] or '' }
end

-- KEYS: stream, waiting list. ARGV: group, offset, limit. Takes out what is not parked any more. Answers how many were
-- taken out, and how many were looked at.
local function repair_waiting(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'zset')
  if problem then
    return raise(problem)
  end
  local ids = redis.call('ZRANGEBYSCORE', keys[2], '-inf', '+inf', 'LIMIT', args[2], args[3])
  local removed = 0
  for _, id in ipairs(ids) do
    local row = pending(keys[1], args[1], id)
    if not row or row.owner ~= PARKING then
      redis.call('ZREM', keys[2], id)
      removed = removed + 1
    end
  end
  return { removed, #ids }
end

-- What a stream has no more needs no notes. Looked for only when there are more notes than entries: that bounds them.
local function forget_gone(stream, notes)
  if redis.call('ZCARD', notes) <= redis.call('XLEN', stream) then
    return
  end
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  forget(notes, first and '(' .. split_id(first[1]) or '+inf')
end

-- KEYS: stream, dead-letter stream, notes of replayed entries, of the group's dead-lettered entries, of dead letters.
-- ARGV: none. Forgets notes of what the streams have no more. Answers 1.
local function forget_notes(keys)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'stream')
  for i = 3, 5 do
    problem = problem or type_error(keys[i], 'zset')
  end
  if problem then
    return raise(problem)
  end
  forget_gone(keys[1], keys[3])
  forget_gone(keys[1], keys[4])
  forget_gone(keys[2], keys[5])
  return 1
end

-- KEYS: list of limits by consumer. ARGV: consumer, its limit in ms, names of the consumers there are. Forgets those
-- that are gone. Answers the largest limit.
local function announce(keys, args)
  local problem = type_error(keys[1], 'zset')
  if problem then
    return raise(problem)
  end
  local alive = {}
  for i = 1, #args do
    alive[args[i]] = true
  end
  redis.call('ZADD', keys[1], args[2], args[1])
  local largest = tonumber(args[2])
  local announced = redis.call('ZRANGEBYSCORE', keys[1], '-inf', '+inf', 'WITHSCORES')
  for i = 1, #announced, 2 do
    if alive[announced[i]] then
      largest = math.max(largest, tonumber(announced[i + 1]))
    else
      redis.call('ZREM', keys[1], announced[i])
    end
  end
  return largest
end

-- KEYS: stream, lists of limits by consumer. ARGV: group, consumer, least idle time in ms. Deleting a consumer drops
-- what is pending for it, hence only while nothing is.
local function reap_consumer(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'zset') or type_error(keys[3], 'zset')
  if problem then
    return raise(problem)
  end
  if is_reserved(args[2]) or not group_named(keys[1], args[1]) then
    return 0
  end
  for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', keys[1], args[1])) do
    local consumer = to_map(info)
    if consumer.name == args[2] and consumer.pending == 0 and consumer.idle >= tonumber(args[3]) then
      redis.call('XGROUP', 'DELCONSUMER', keys[1], args[1], args[2])
      redis.call('ZREM', keys[2], args[2])
      redis.call('ZREM', keys[3], args[2])
      return 1
    end
  end
  return 0
end

-- More than a node of a stream holds by default: only whole nodes are removed.
local TRIM_PAGE = 128

-- KEYS: stream, what is known of the unread. ARGV: age in ms, most entries, limit of one call, own group. Removes what
-- no group needs any more and what is too old or too much. Answers how many were removed, and the groups that hold back
-- what is too old.
local function trim(keys, args)
  local stream = keys[1]
  local problem = type_error(stream, 'stream') or type_error(keys[2], 'string')
  if problem then
    return raise(problem)
  end
  local groups = groups_of(stream)
  if not group_named(stream, args[4]) then -- lost at this moment: its position is not known
    return { 0, {} }
  end
  local limit = tonumber(args[3])
  local old = string.format('%.0f-0', math.max(0, now_ms() - tonumber(args[1])))
  local needed, stale
  stale = {}
  for _, group in ipairs(groups) do
    local floor = floor_of(stream, group)
    if not needed or id_less(floor, needed) then
      needed = floor
    end
    if id_less(floor, old) then
      local first = redis.call('XRANGE', stream, '(' .. floor, '+', 'COUNT', 1)[1]
      if first and id_less(first[1], old) then
        stale[#stale + 1] = group.name
      end
    end
  end
  local bound = old
  local excess = redis.call('XLEN', stream) - tonumber(args[2])
  if excess > 0 then
    local page = redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(excess, TRIM_PAGE))
    local last = page[#page] and page[#page][1]
    if last and id_less(bound, last) then
      bound = last
    end
  end
  if id_less(needed, bound) then
    bound = needed
  end
  local removed = redis.call('XTRIM', stream, 'MINID', '~', bound, 'LIMIT', limit)
  note_trimmed(keys[2], removed)
  return { removed, stale }
end

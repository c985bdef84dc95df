-- Taking entries over: parked ones that are due, and those of a consumer that was silent for too long.
-- uses: entries

-- Claims entries, counting the delivery: `counts` has how often each was delivered so far. Answers the claimed with
-- their counts, and the ids of those that are not in the stream any more.
local function claim(stream, group, consumer, ids, counts)
  if #ids == 0 then
    return { {}, {} }
  end
  local claimed = redis.call('XCLAIM', stream, group, consumer, 0, unpack(ids))
  for _, entry in ipairs(claimed) do
    local id = entry[1]
    entry[3] = counts[id] + 1
    counts[id] = nil
  end
  local vanished = {}
  if #claimed < #ids then
    for _, id in ipairs(ids) do
      if counts[id] then
        vanished[#vanished + 1] = id
      end
    end
    redis.call('XACK', stream, group, unpack(vanished)) -- Valkey and Redis drop them in XCLAIM already; this holds for all
  end
  return { claimed, vanished }
end

-- KEYS: stream, waiting list. ARGV: group, consumer, limit, longest delay in ms. Answers claimed entries, vanished ids.
local function claim_due(keys, args)
  local stream, waiting, group, consumer = keys[1], keys[2], args[1], args[2]
  local problem = type_error(stream, 'stream') or type_error(waiting, 'zset')
  if problem then
    return raise(problem)
  end
  local limit, now = tonumber(args[3]), now_ms()
  local due = redis.call('ZRANGEBYSCORE', waiting, '-inf', now, 'LIMIT', 0, limit)
  if #due < limit then -- a clock that jumped back must not leave entries waiting for years
    local beyond = '(' .. string.format('%.0f', now + tonumber(args[4]))
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, beyond, '+inf', 'LIMIT', 0, limit - #due)) do
      due[#due + 1] = id
    end
  end
  local ids, counts = {}, {}
  for _, id in ipairs(due) do
    local row = pending(stream, group, id)
    if row and row.owner == PARKING then
      ids[#ids + 1] = id
      counts[id] = row.count
    end
  end
  local answer = claim(stream, group, consumer, ids, counts)
  if #due > 0 then
    redis.call('ZREM', waiting, unpack(due))
  end
  return answer
end

-- The counts of an owner's entries between two that were delivered a given number of ms ago, `most` of them. Reading many rows at
-- once costs a tenth of reading each.
local function idle_counts(stream, group, owner, least_idle, first, last, most)
  local rows = redis.pcall('XPENDING', stream, group, 'IDLE', least_idle, first, last, most, owner)
  if rows.err then
    if string.sub(rows.err, 1, 7) == 'NOGROUP' then
      return {}
    end
    error(rows)
  end
  local counts = {}
  for _, row in ipairs(rows) do
    counts[row[1]] = row[4]
  end
  return counts
end

-- KEYS: stream. ARGV: group, consumer, owner, least idle time in ms, then ids and their counts in turn. Best in the
-- order of the stream: the rows between the first and the last are read at once, each that is not among them by itself.
local function claim_abandoned(keys, args)
  local stream, group, owner, least_idle = keys[1], args[1], args[3], tonumber(args[4])
  if #args < 6 or is_reserved(owner) then
    return { {}, {} }
  end
  local found = idle_counts(stream, group, owner, args[4], args[5], args[#args - 1], (#args - 4) / 2)
  local ids, counts = {}, {}
  for i = 5, #args, 2 do
    local id, count = args[i], tonumber(args[i + 1])
    local is_as_seen = found[id] == count
    if not found[id] then
      local row = pending(stream, group, id)
      is_as_seen = row and row.owner == owner and row.count == count and row.idle >= least_idle
    end
    if is_as_seen and not counts[id] then
      ids[#ids + 1] = id
      counts[id] = count
    end
  end
  return claim(stream, group, args[2], ids, counts)
end

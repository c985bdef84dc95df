-- A clock of Redis that was set back.
-- uses: entries
--
-- What was delivered, parked or heard of while the clock was ahead has a stamp of the future. Its idle time does not
-- grow until the clock comes there, so that nobody would take it over, and what waits would be due only then.

-- A stamp that is ahead by less is left alone: the time comes by itself.
local AHEAD_MS = 1000
-- Beyond what any clock shows. What is further ahead is due at once.
local FURTHEST_MS = 2 ^ 50
-- Most entries that one call frees: by how much each is ahead takes some forty looks.
local FREED_PAGE = 100
-- Behind what a consumer has. The greatest id would not do: to XREADGROUP it is `>`, which asks for what is new.
local LATE_ID = '18446744073709551615-1'

-- A negative least idle time hides the rows whose stamp is further ahead than that.
local function rows_ahead_by_at_most(ms, stream, group, first, last, count)
  return redis.call('XPENDING', stream, group, 'IDLE', string.format('%.0f', -ms), first, last, count)
end

local function ahead_by(stream, group, id)
  local low, high = AHEAD_MS, 2 * AHEAD_MS
  while high < FURTHEST_MS and #rows_ahead_by_at_most(high, stream, group, id, id, 1) == 0 do
    low, high = high, 2 * high
  end
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if #rows_ahead_by_at_most(middle, stream, group, id, id, 1) == 0 then
      low = middle
    else
      high = middle
    end
  end
  return high
end

-- Gives one row the present time; owner and count stay. What waits keeps the delay that it has left. Answers by how
-- much it was ahead, and whether its entry is gone from the stream.
local function bring_back(stream, waiting, group, id, owner)
  local ahead, is_there = ahead_by(stream, group, id), exists(stream, id)
  if owner == PARKING then
    local due = redis.call('ZSCORE', waiting, id)
    -- Claiming what is due is what finds out that it was deleted.
    due = due and is_there and tonumber(due) - ahead or now_ms()
    redis.call('ZADD', waiting, string.format('%.0f', due), id)
    if is_there then
      redis.call('XCLAIM', stream, group, owner, 0, id, 'JUSTID')
    end
    return ahead, false
  end
  redis.call('XCLAIM', stream, group, owner, 0, id, 'JUSTID')
  if not is_there then
    redis.call('XACK', stream, group, id)
  end
  return ahead, not is_there
end

-- A consumer that was heard of in the future has an idle time of 0, as one has that is heard of now. A read of the
-- nothing that it has says of either that it is heard of now, so that one that is dead looks so in time.
local function bring_back_consumers(stream, group)
  for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local consumer = to_map(info)
    if consumer.idle == 0 and consumer.pending == 0 and not is_reserved(consumer.name) then
      redis.call('XREADGROUP', 'GROUP', group, consumer.name, 'COUNT', 1, 'STREAMS', stream, LATE_ID)
    end
  end
end

-- KEYS: stream, waiting list. ARGV: group, id to begin at, limit. Looks at `limit` pending entries. Answers how many
-- were of the future, by how many ms the furthest was, the id to go on at ('' at the end), and the ids that turned out
-- to be deleted from the stream.
local function free_future(keys, args)
  local stream, waiting, group = keys[1], keys[2], args[1]
  local problem = type_error(stream, 'stream') or type_error(waiting, 'zset')
  if problem then
    return raise(problem)
  end
  local limit = tonumber(args[3])
  local rows = redis.call('XPENDING', stream, group, args[2], '+', limit)
  local is_present, freed, furthest, vanished, next_id = {}, 0, 0, {}, ''
  if #rows > 0 then
    for _, row in ipairs(rows_ahead_by_at_most(AHEAD_MS, stream, group, rows[1][1], rows[#rows][1], limit)) do
      is_present[row[1]] = true
    end
    next_id = #rows == limit and '(' .. rows[#rows][1] or ''
  end
  for _, row in ipairs(rows) do
    local id, owner = row[1], row[2]
    if not is_present[id] and (owner == PARKING or not is_reserved(owner)) then
      if freed == FREED_PAGE then
        next_id = id
        break
      end
      local ahead, is_gone = bring_back(stream, waiting, group, id, owner)
      freed, furthest = freed + 1, math.max(furthest, ahead)
      if is_gone then
        vanished[#vanished + 1] = id
      end
    end
  end
  if next_id == '' then
    bring_back_consumers(stream, group)
  end
  return { freed, furthest, next_id, vanished }
end

#!lua name=@version@
-- Entries, their ids, pending rows, groups and notes: what the steps of the library look at.
-- uses: nothing

-- Every function declares all its keys, and looks at everything that can fail before its first write: nothing that a
-- function wrote is undone when it fails. All are safe to repeat, enqueue where its send has a number: a client that
-- lost the answer sends the command again.
--
-- A settlement is fenced: it acts only while the entry is pending for that consumer with that delivery count, so that
-- a process that was thought dead cannot undo what its successor did. Answers: 'done'; 'gone', settled already,
-- perhaps by our own earlier send; 'taken', delivered to somebody else since; 'vanished', deleted while pending;
-- 'duplicate', acknowledged and nothing else, as a condition among the writes wanted.

local PARKING = '@retry'
-- Nothing can be added behind it.
local GREATEST_ID = '18446744073709551615-18446744073709551615'

-- Names that begin so are no process's: what is pending for them waits for something, and is taken by its own step
-- alone.
local function is_reserved(consumer)
  return string.sub(consumer, 1, 1) == '@'
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function type_error(key, needed)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= needed then
    return 'WRONGTYPE "' .. key .. '" holds a ' .. found .. ', not a ' .. needed
  end
  return nil
end

local function raise(problem)
  return redis.error_reply(problem)
end

-- The row of the pending entries list, or nil.
local function pending(stream, group, id)
  local rows = redis.pcall('XPENDING', stream, group, id, id, 1)
  if rows.err then
    if string.sub(rows.err, 1, 7) == 'NOGROUP' then
      return nil
    end
    error(rows)
  end
  local row = rows[1]
  return row and { owner = row[2], idle = row[3], count = row[4] } or nil
end

local function exists(stream, id)
  return #redis.call('XRANGE', stream, id, id) > 0
end

-- Why this consumer may not settle the entry, or nil.
local function refusal(row, consumer, count)
  if not row then
    return 'gone'
  end
  if row.owner == PARKING and consumer ~= PARKING then
    return 'gone'
  end
  if row.owner ~= consumer or row.count ~= count then
    return 'taken'
  end
  return nil
end

-- Ids -------------------------------------------------------------------------------------------------------------

local function split_id(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return ms, seq
end

local function less(a, b)
  if #a ~= #b then
    return #a < #b
  end
  return a < b
end

local function id_less(a, b)
  local ams, aseq = split_id(a)
  local bms, bseq = split_id(b)
  if ams ~= bms then
    return less(ams, bms)
  end
  return less(aseq, bseq)
end

local function decrement(digits)
  local borrowed = string.gsub(digits, '(%d)(0*)$', function(digit, zeros)
    return tostring(tonumber(digit) - 1) .. string.rep('9', #zeros)
  end)
  local trimmed = string.gsub(borrowed, '^0+(%d)', '%1')
  return trimmed
end

-- The milliseconds of an id; of one that no clock makes, none at all.
local function time_of(id)
  local ms = tonumber(string.sub(id, 1, (string.find(id, '-', 1, true) or 1) - 1))
  return ms and ms < 1e15 and ms or -1
end

-- The greatest id below this one.
local function id_before(id)
  local ms, seq = split_id(id)
  if seq ~= '0' then
    return ms .. '-' .. decrement(seq)
  end
  if ms == '0' then
    return '0-0'
  end
  return decrement(ms) .. '-18446744073709551615'
end

-- XINFO answers flat lists of names and values.
local function to_map(list)
  local map = {}
  for i = 1, #list, 2 do
    map[list[i]] = list[i + 1]
  end
  return map
end

local function groups_of(stream)
  if redis.call('TYPE', stream).ok == 'none' then
    return {}
  end
  local groups = {}
  for i, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    groups[i] = to_map(info)
  end
  return groups
end

local function group_named(stream, name)
  for _, group in ipairs(groups_of(stream)) do
    if group.name == name then
      return group
    end
  end
  return nil
end

-- The id below which a group needs nothing any more.
local function floor_of(stream, group)
  local summary = redis.call('XPENDING', stream, group.name)
  if summary[1] > 0 then
    return id_before(summary[2])
  end
  return group['last-delivered-id']
end

-- Notes ------------------------------------------------------------------------------------------------------------

-- Notes keep what only we may say of an entry where no producer writes: the ids of which it is true, by their time.
local function note_id(notes, id)
  redis.call('ZADD', notes, (split_id(id)), id)
end

-- Forgets a thousand of the notes of ids up to a time, as a score. Answers whether there may be more.
local function forget(notes, highest)
  local ids = redis.call('ZRANGEBYSCORE', notes, '-inf', highest, 'LIMIT', 0, 1000)
  if #ids > 0 then
    redis.call('ZREM', notes, unpack(ids))
  end
  return #ids == 1000
end

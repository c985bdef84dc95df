#!lua name=@version@

-- Every function declares all its keys, and looks at everything that can fail before its first write: nothing that a
-- function wrote is undone when it fails. All but enqueue, which adds an entry each time, are safe to repeat: a client
-- that lost the answer sends the command again.
--
-- A settlement is fenced: it acts only while the entry is pending for that consumer with that delivery count, so that
-- a process that was thought dead cannot undo what its successor did. Answers: 'done'; 'gone', settled already,
-- perhaps by our own earlier send; 'taken', delivered to somebody else since; 'vanished', deleted while pending;
-- 'duplicate', acknowledged and nothing else, as a condition among the writes wanted.

local PARKING = '@retry'

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

-- Writes that travel with a step ------------------------------------------------------------------------------------

-- ARGV from `at` on: their number, then for each the command, the index of its key, the number of its arguments, and
-- the arguments: '=text' as it is, '#' for the id of the entry that this step adds.

-- By command: the type that its key must have, how many arguments it takes at least and at most, whether in pairs, and
-- the commands of Redis that it is made of. HSETNX and DEL are written with others, so that they need no right of
-- their own.
local OFFERED = {
  hset = { type = 'hash', least = 2, most = 1000, pairs = true, uses = { { 'HSET', 'f', 'v' } } },
  hsetnx = { type = 'hash', least = 2, most = 2, uses = { { 'HEXISTS', 'f' }, { 'HSET', 'f', 'v' } } },
  hdel = { type = 'hash', least = 1, most = 1000, uses = { { 'HDEL', 'f' } } },
  hincrby = { type = 'hash', least = 2, most = 2, uses = { { 'HGET', 'f' }, { 'HINCRBY', 'f', '1' } } },
  set = { type = 'any', least = 1, most = 1, uses = { { 'SET', 'v' } } },
  del = { type = 'any', least = 0, most = 0, uses = { { 'PEXPIRE', '0' } } },
  pexpire = { type = 'any', least = 1, most = 1, uses = { { 'PEXPIRE', '1' } } },
  incrby = { type = 'string', least = 1, most = 1, uses = { { 'GET' }, { 'INCRBY', '1' } } },
  sadd = { type = 'set', least = 1, most = 1000, uses = { { 'SADD', 'v' } } },
  srem = { type = 'set', least = 1, most = 1000, uses = { { 'SREM', 'v' } } },
  zadd = { type = 'zset', least = 2, most = 1000, pairs = true, uses = { { 'ZADD', '1', 'v' } } },
  zrem = { type = 'zset', least = 1, most = 1000, uses = { { 'ZREM', 'v' } } },
  rpush = { type = 'list', least = 1, most = 1000, uses = { { 'RPUSH', 'v' } } },
  lpush = { type = 'list', least = 1, most = 1000, uses = { { 'LPUSH', 'v' } } },
  -- No write but a condition: where the field is there, the step acknowledges its entry and does nothing else.
  onlyifabsent = { type = 'hash', least = 1, most = 1, uses = { { 'HEXISTS', 'f' } } },
}

-- Commands that leave a key where there was none, or leave it as it is.
local MAKES_KEY = { hset = true, hsetnx = true, hincrby = true, incrby = true, sadd = true, zadd = true, rpush = true, lpush = true }

-- A right that is missing in the middle of a function leaves half a step, so Redis is asked beforehand.
local function may(command, key, ...)
  return redis.acl_check_cmd(command, key, ...)
end

local function denial(command, key)
  for _, use in ipairs(OFFERED[command].uses) do
    if not may(use[1], key, unpack(use, 2)) then
      return 'NOPERM this user may not use ' .. string.lower(use[1]) .. ' on "' .. key .. '"'
    end
  end
  return nil
end

-- Which keys have counters: of these alone it must be known what earlier writes leave. And what is no write but a
-- condition.
local function note_write(writes, write)
  if write.command == 'incrby' or write.command == 'hincrby' then
    writes.counted = writes.counted or {}
    writes.counted[write.key] = true
  elseif write.command == 'onlyifabsent' then
    writes.conditions = writes.conditions or {}
    table.insert(writes.conditions, write)
  end
end

local function parse_writes(keys, args, at)
  local writes, count = {}, tonumber(args[at])
  at = at + 1
  for w = 1, count do
    local write = { command = args[at], key = keys[tonumber(args[at + 1])], args = {} }
    for i = 1, tonumber(args[at + 2]) do
      local arg = args[at + 2 + i]
      write.args[i] = arg ~= '#' and string.sub(arg, 2)
    end
    at = at + 3 + #write.args
    writes[w] = write
    note_write(writes, write)
  end
  return writes
end

-- Whether Redis takes a text for an integer of 64 bits.
local function is_integer(text)
  if text == '0' then
    return true
  end
  local sign, digits = string.match(text or '', '^(%-?)([1-9]%d*)$')
  if not digits or #digits > 19 then
    return false
  end
  return #digits < 19 or digits <= (sign == '-' and '9223372036854775808' or '9223372036854775807')
end

local HALF = 1e10 -- a double holds half of the digits of a 64-bit integer exactly

local function halves(text)
  local sign, digits = string.match(text, '^(%-?)(%d+)$')
  local factor = sign == '-' and -1 or 1
  return factor * (tonumber(string.sub(digits, 1, -11)) or 0), factor * tonumber(string.sub(digits, -10))
end

-- The sum of two integers as text; one that does not fit into 64 bits is no integer for is_integer.
local function sum_of(a, b)
  if #a < 16 and #b < 16 then
    return string.format('%.0f', tonumber(a) + tonumber(b))
  end
  local a_high, a_low = halves(a)
  local b_high, b_low = halves(b)
  local low = a_low + b_low
  local high = a_high + b_high + math.floor(low / HALF)
  low = low % HALF
  local sign = ''
  if high < 0 then
    sign = '-'
    high = -high
    if low > 0 then
      high = high - 1
      low = HALF - low
    end
  end
  if high > 0 then
    return sign .. string.format('%.0f%010.0f', high, low)
  end
  return (low > 0 and sign or '') .. string.format('%.0f', low)
end

local function is_score(text)
  if not text then
    return false
  end
  if text == 'inf' or text == '-inf' or (#text < 16 and string.find(text, '^%-?%d+$')) then
    return true
  end
  local mantissa = string.match(text, '^[+-]?(%d+%.?%d*)$') or string.match(text, '^[+-]?(%d+%.?%d*)[eE][+-]?%d+$')
  local number = mantissa and tonumber(text)
  if not number or number == math.huge or number == -math.huge then
    return false
  end
  return number ~= 0 or not string.find(mantissa, '[1-9]')
end

-- What the writes of a step would find: the type of a key, its value and those of its fields, as earlier writes of the
-- same step leave them. `fresh` are keys of which nothing that Redis holds is left by then.
local function held_value(known, key)
  if known.values[key] == nil then
    known.values[key] = not known.fresh[key] and redis.call('GET', key)
  end
  return known.values[key]
end

local function held_field(known, key, field)
  local fields = known.fields[key] or {}
  known.fields[key] = fields
  if fields[field] == nil then
    fields[field] = not known.fresh[key] and redis.call('HGET', key, field)
  end
  return fields[field]
end

-- Why a counter cannot be counted up; `known` has its new value otherwise.
local function count_error(write, known)
  local is_field = write.command == 'hincrby'
  local where = 'UNUSABLE write: ' .. write.command .. ' of "' .. write.key .. '"'
  local by = write.args[1]
  if is_field then
    where = where .. ', field "' .. (write.args[1] or '') .. '"'
    by = write.args[2]
  end
  if not is_integer(by) then
    return where .. ': the increment is not an integer of 64 bits'
  end
  local held = is_field and held_field(known, write.key, write.args[1]) or not is_field and held_value(known, write.key)
  if held and not is_integer(held) then
    return where .. ': what it holds is not an integer of 64 bits'
  end
  local sum = sum_of(held or '0', by)
  if not is_integer(sum) then
    return where .. ': the sum does not fit into 64 bits'
  end
  if is_field then
    known.fields[write.key][write.args[1]] = sum
  else
    known.values[write.key] = sum
  end
  return nil
end

local function note_fields(write, known)
  local key, args = write.key, write.args
  local fields = known.fields[key] or {}
  known.fields[key] = fields
  if write.command == 'hset' then
    for i = 1, #args, 2 do
      fields[args[i]] = args[i + 1] or '#'
    end
  elseif write.command == 'hdel' then
    for _, field in ipairs(args) do
      fields[field] = false
    end
  elseif write.command == 'hsetnx' and not held_field(known, key, args[1]) then
    fields[args[1]] = args[2] or '#'
  end
end

-- Why a counter cannot be counted up, or nil; `known` has what the write leaves then.
local function note(write, known, is_counted)
  local command, key = write.command, write.key
  if command == 'incrby' or command == 'hincrby' then
    return count_error(write, known)
  elseif command == 'set' or command == 'del' then
    known.fresh[key] = true
    known.fields[key] = nil
    known.values[key] = command == 'set' and (write.args[1] or '#')
  elseif is_counted and OFFERED[command].type == 'hash' then
    note_fields(write, known)
  end
  return nil
end

local function argument_error(write, offer)
  local count = #write.args
  local function refused(problem)
    return 'UNUSABLE write: ' .. write.command .. ' of "' .. write.key .. '": ' .. problem
  end
  if count < offer.least or count > offer.most or (offer.pairs and count % 2 == 1) then
    return refused('it cannot take ' .. count .. ' arguments')
  end
  if write.command == 'zadd' then
    for i = 1, count, 2 do
      if not is_score(write.args[i]) then
        return refused('a score is not a number')
      end
    end
  elseif write.command == 'pexpire' then
    local ms = is_integer(write.args[1]) and tonumber(write.args[1])
    if not ms or ms < 0 or ms > 9007199254740991 then
      return refused('the time is not a number of milliseconds')
    end
  end
  return nil
end

-- Why these writes cannot all be made, or nil. `own` are the keys of the step itself, `types` what is known of the types
-- of keys, and is brought up to date.
local function writes_error(writes, own, types)
  local known = writes.counted and { values = {}, fields = {}, fresh = {} }
  for _, write in ipairs(writes) do
    local command, key = write.command, write.key
    local offer = OFFERED[command]
    if not offer then
      return 'UNUSABLE write: "' .. tostring(command) .. '" is not offered'
    end
    for _, taken in ipairs(own) do
      if key == taken then
        return 'UNUSABLE write: ' .. command .. ' of "' .. key .. '", which belongs to the transport'
      end
    end
    local problem = denial(command, key) or argument_error(write, offer)
    if problem then
      return problem
    end
    local found = types[key] or redis.call('TYPE', key).ok
    if offer.type ~= 'any' and found ~= 'none' and found ~= offer.type then
      return 'UNUSABLE write: ' .. command .. ' needs a ' .. offer.type .. ' at "' .. key .. '", found a ' .. found
    end
    types[key] = MAKES_KEY[command] and offer.type or found
    if command == 'set' then
      types[key] = 'string'
    elseif command == 'del' then
      types[key] = 'none'
    end
    problem = known and note(write, known, writes.counted[key])
    if problem then
      return problem
    end
  end
  return nil
end

-- Whether a condition does not hold. To be asked when writes_error found nothing.
local function is_prevented(writes)
  for _, condition in ipairs(writes.conditions or {}) do
    if redis.call('HEXISTS', condition.key, condition.args[1]) == 1 then
      return true
    end
  end
  return false
end

local function apply_writes(writes, entry_id)
  for _, write in ipairs(writes) do
    local args = write.args
    for i = 1, #args do
      args[i] = args[i] or entry_id or ''
    end
    if write.command == 'hsetnx' then
      if redis.call('HEXISTS', write.key, args[1]) == 0 then
        redis.call('HSET', write.key, unpack(args))
      end
    elseif write.command == 'del' then
      redis.call('PEXPIRE', write.key, 0)
    elseif write.command ~= 'onlyifabsent' then
      redis.call(write.command, write.key, unpack(args))
    end
  end
end

-- Functions ---------------------------------------------------------------------------------------------------------

-- KEYS: stream, keys of the writes. ARGV: number of names and values, these, the writes. Answers the entry's id.
local function enqueue(keys, args)
  local length = tonumber(args[1])
  local writes = parse_writes(keys, args, 2 + length)
  local problem = type_error(keys[1], 'stream') or writes_error(writes, { keys[1] }, {})
  if problem then
    return raise(problem)
  end
  local id = redis.call('XADD', keys[1], '*', unpack(args, 2, 1 + length))
  apply_writes(writes, id)
  return id
end

-- KEYS: stream, a marker for each name of the event, keys of the writes. ARGV: number of names, window in ms, for each name what
-- tells the events of this name apart (may be empty), number of names and values, these, the writes. Answers the entry's
-- id, and 'added'; 'repeated' when a name stood for an entry already, and 'reused' with the place of the name when that
-- entry is another event: then nothing is added.
local function enqueue_once(keys, args)
  local stream, names, window = keys[1], tonumber(args[1]), args[2]
  local at = 3 + names
  local length = tonumber(args[at])
  local writes = parse_writes(keys, args, at + 1 + length)
  local own, problem = {}, type_error(stream, 'stream')
  for n = 1, names + 1 do
    own[n] = keys[n]
    problem = problem or n > 1 and type_error(keys[n], 'string')
  end
  problem = problem or writes_error(writes, own, {})
  if not problem and not (may('GET', keys[2]) and may('SET', keys[2], 'v', 'PX', '1')) then
    problem = 'NOPERM this user may not use get and set on "' .. keys[2] .. '"'
  end
  if not problem and not (is_integer(window) and tonumber(window) > 0) then
    problem = 'ERR the window "' .. window .. '" is not a number of milliseconds'
  end
  if problem then
    return raise(problem)
  end
  local id, nameless, outcome = nil, {}, 'repeated'
  for n = 1, names do
    local fingerprint = args[2 + n]
    local held = redis.call('GET', keys[n + 1])
    if held then
      local held_id, held_fingerprint = string.match(held, '^(%d+%-%d+) ?(.*)$')
      if not held_id then
        return raise('UNUSABLE marker: "' .. keys[n + 1] .. '" does not hold the id of an entry')
      end
      if fingerprint ~= '' and held_fingerprint ~= '' and fingerprint ~= held_fingerprint then
        return { held_id, 'reused', n }
      end
      id = id or held_id
    else
      nameless[#nameless + 1] = n
    end
  end
  if not id then
    outcome = 'added'
    id = redis.call('XADD', stream, '*', unpack(args, at + 1, at + length))
    apply_writes(writes, id)
  end
  for _, n in ipairs(nameless) do
    local fingerprint = args[2 + n]
    redis.call('SET', keys[n + 1], fingerprint == '' and id or id .. ' ' .. fingerprint, 'PX', window)
  end
  return { id, outcome }
end

-- KEYS: stream, floor. ARGV: group. Makes the group if it is not there: at its floor, so that what is done is not
-- repeated; at 0 when it never was, or when the stream began anew.
local function ensure_group(keys, args)
  local stream, floor_key, group = keys[1], keys[2], args[1]
  local problem = type_error(stream, 'stream') or type_error(floor_key, 'string')
  if problem then
    return raise(problem)
  end
  if group_named(stream, group) then
    return 'exists'
  end
  local start = '0'
  local floor = redis.call('GET', floor_key)
  if floor and split_id(floor) and redis.call('TYPE', stream).ok == 'stream' then
    local last = to_map(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
    if not id_less(last, floor) then
      start = floor
    end
  end
  redis.call('XGROUP', 'CREATE', stream, group, start, 'MKSTREAM')
  return start
end

-- KEYS: stream, floor. ARGV: group.
local function keep_floor(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'string')
  if problem then
    return raise(problem)
  end
  local group = group_named(keys[1], args[1])
  if not group then
    return false
  end
  local floor = floor_of(keys[1], group)
  redis.call('SET', keys[2], floor)
  return floor
end

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

-- KEYS: stream, waiting list. ARGV: group, consumer, ms until they are due, then ids and their counts in turn. Hands
-- entries back that no handler works on, as if they had not been delivered.
local function release(keys, args)
  local stream, waiting, group, consumer = keys[1], keys[2], args[1], args[2]
  local problem = type_error(stream, 'stream') or type_error(waiting, 'zset')
  if problem then
    return raise(problem)
  end
  local released, due = 0, string.format('%.0f', now_ms() + tonumber(args[3]))
  for i = 4, #args, 2 do
    local id, count = args[i], tonumber(args[i + 1])
    if not refusal(pending(stream, group, id), consumer, count) and exists(stream, id) then
      redis.call('XCLAIM', stream, group, PARKING, 0, id, 'RETRYCOUNT', count - 1, 'JUSTID')
      redis.call('ZADD', waiting, due, id)
      released = released + 1
    end
  end
  return released
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

-- Claims entries, counting the delivery: `counts` has how often each was delivered so far. Answers the claimed with their
-- counts, and the ids of those that are not in the stream any more.
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

-- The counts of an owner's entries between two that were delivered so many ms ago, `most` of them. Reading many rows at
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
  if #args < 6 then
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

-- How long a receipt tells the repeat of commits how they ended, in ms. There are only a few for each consumer.
local COMMIT_RECEIPT_MS = 86400000

-- Most entries that one call trims from a stream of follow-up events.
local FOLLOW_UP_PAGE = 1000

-- Commands that Redis makes whole or refuses whole, whatever they are given.
local WHOLE = { hset = true, hdel = true, set = true, sadd = true, srem = true, zrem = true, rpush = true, lpush = true }

-- The place of the write that a commit of this form may try without a look at it beforehand, or nil: nothing is written yet
-- when it fails. Conditions may stand before it. What counters are left with must be known beforehand.
local function tried_write(writes)
  local tried = nil
  for w, write in ipairs(writes) do
    local command, count = write[1], write[2]
    if command == 'incrby' or command == 'hincrby' or (tried and command == 'onlyifabsent') then
      return nil
    end
    if not tried and command ~= 'onlyifabsent' then
      local offer = OFFERED[command]
      if not WHOLE[command] or count < offer.least or count > offer.most or (offer.pairs and count % 2 == 1) then
        return nil
      end
      tried = w
    end
  end
  return tried
end

-- Commits of one form differ in their texts alone: JSON `[forms, the place of each commit's form among them, number of
-- streams that events go to]`. A form is `[delivery count, events, writes, 1 if it is guarded]`, an event `[place of its
-- stream among the keys, 1 if that is trimmed, number of names and values]`, a write `[command, number of arguments]`.
local function read_forms(keys, text)
  local forms, places, streams = unpack(cjson.decode(text))
  for f, sent in ipairs(forms) do
    local form = { count = sent[1], emits = {}, writes = sent[3], is_guarded = sent[4] == 1 }
    form.own, form.event_parts = { keys[1], keys[2] }, 0
    for e, emit in ipairs(sent[2]) do
      form.emits[e] = { stream = keys[emit[1]], trims = emit[2] == 1, parts = emit[3] }
      form.own[e + 2] = keys[emit[1]]
      form.event_parts = form.event_parts + emit[3]
    end
    form.parts, form.keys = 1 + form.event_parts + (form.is_guarded and 3 or 0), #form.writes + (form.is_guarded and 1 or 0)
    for _, write in ipairs(form.writes) do
      form.parts = form.parts + write[2]
    end
    form.tried = tried_write(form.writes)
    forms[f] = form
  end
  return forms, places, streams
end

-- What is known beforehand of the entries of one call, so that not each of them must be looked up: the delivery counts of
-- those that are pending for its consumer from the first to the last entry, and until which time one may be deleted (nil
-- when none of these is).
local function survey(call, least, greatest, number)
  local stream = call.stream
  local counts = {}
  local page = redis.pcall('XPENDING', stream, call.group, least, greatest, 2 * number, call.consumer)
  if not page.err then
    for i = 1, #page do
      local row = page[i]
      counts[row[1]] = row[4]
    end
  end
  call.counts, call.undeleted = counts, math.huge
  if number > 1 and redis.call('TYPE', stream).ok == 'stream' then
    local info = to_map(redis.call('XINFO', 'STREAM', stream))
    local deleted, first = info['max-deleted-entry-id'], info['recorded-first-entry-id']
    -- Trimming counts as no deletion: it shows in the first entry alone, which an emptied stream does not have.
    if info.length > 0 and deleted and first and time_of(deleted) >= 0 and time_of(first) >= 0 then
      call.undeleted = math.max(time_of(deleted), time_of(first))
    end
  end
  if time_of(least) > call.undeleted and time_of(greatest) >= 0 then
    call.undeleted = nil
  end
end

-- Why events cannot be added, or nil. `ready` are streams that this call has added to.
local function emits_error(emits, ready)
  for _, emit in ipairs(emits) do
    local stream = emit.stream
    if not ready[stream] then
      local found = redis.call('TYPE', stream).ok
      if found ~= 'none' and found ~= 'stream' then
        return 'UNUSABLE write: emit needs a stream at "' .. stream .. '", found a ' .. found
      end
      if not may('XADD', stream, '*', 'f', 'v') then
        return 'NOPERM this user may not use xadd on "' .. stream .. '"'
      end
    end
  end
  return nil
end

local function guard_error(guard)
  local problem = type_error(guard.key, 'string')
  if problem or not is_integer(guard.ttl) or tonumber(guard.ttl) < 1 then
    return 'UNUSABLE guard: ' .. (problem or 'its time is not a number of milliseconds')
  end
  return redis.call('GET', guard.key) ~= guard.expected and 'superseded' or nil
end

local function are_ready(emits, ready)
  for e = 1, #emits do
    if not ready[emits[e].stream] then
      return false
    end
  end
  return true
end

-- A stream that has given its last id takes no more.
local LAST_ID = '18446744073709551615-18446744073709551615'

local function add_events(call, emits, at)
  local args, ready = call.args, call.ready
  for e = 1, #emits do
    local emit = emits[e]
    local id = redis.call('XADD', emit.stream, '*', unpack(args, at, at + emit.parts - 1))
    ready[emit.stream] = id ~= LAST_ID
    at = at + emit.parts
  end
end

-- The writes of a commit from the nth on, as writes_error and apply_writes take them.
local function writes_from(n, call, form, at, key_at)
  local writes = {}
  for w = n, #form.writes do
    local command, parts = form.writes[w][1], form.writes[w][2]
    local write = { command = command, key = call.keys[key_at], args = { unpack(call.args, at, at + parts - 1) } }
    at, key_at = at + parts, key_at + 1
    writes[#writes + 1] = write
    note_write(writes, write)
  end
  return writes
end

-- What writes touch must be looked at again before events are added to it.
local function apply_commit(call, writes)
  for w = 1, #writes do
    call.ready[writes[w].key] = nil
  end
  apply_writes(writes)
end

local function is_among(key, own)
  for i = 1, #own do
    if own[i] == key then
      return true
    end
  end
  return false
end

-- Applies a commit whose conditions hold, and of whose writes all but one are looked at beforehand; that one comes first.
-- Answers false when it cannot be done so, and nothing is written then.
local function try_first(call, form, at, key_at)
  local keys, args, ready, tried = call.keys, call.args, call.ready, form.tried
  if not are_ready(form.emits, ready) then
    return false
  end
  local write_at = at + form.event_parts
  for _ = 1, tried - 1 do
    if redis.pcall('HEXISTS', keys[key_at], args[write_at]) ~= 0 then
      return false
    end
    write_at, key_at = write_at + 1, key_at + 1
  end
  local key, command, count = keys[key_at], form.writes[tried][1], form.writes[tried][2]
  if is_among(key, form.own) then
    return false
  end
  local rest = tried < #form.writes and writes_from(tried + 1, call, form, write_at + count, key_at + 1)
  if rest then
    local types = { [key] = command == 'set' and 'string' or MAKES_KEY[command] and OFFERED[command].type or nil }
    if writes_error(rest, form.own, types) then
      return false
    end
  end
  local answer = redis.pcall(command, key, unpack(args, write_at, write_at + count - 1))
  if type(answer) == 'table' and answer.err then
    return false
  end
  ready[key] = nil
  add_events(call, form.emits, at)
  if rest then
    apply_commit(call, rest)
  end
  return true
end

-- The same with a look at all of it beforehand. Answers as commit does.
local function look_first(call, form, at, key_at)
  local writes = writes_from(1, call, form, at + form.event_parts, key_at)
  local problem = emits_error(form.emits, call.ready) or writes_error(writes, form.own, {})
  if problem then
    return problem
  end
  if is_prevented(writes) then
    return 'duplicate'
  end
  add_events(call, form.emits, at)
  apply_commit(call, writes)
  return 'done'
end

-- Applies one commit but for its XACK, or nothing of it. Its texts begin at `at`, its keys at `key_at`.
local function commit_one(call, form, at, key_at)
  local args, id = call.args, call.args[at]
  if call.counts[id] ~= form.count then
    local refused = refusal(pending(call.stream, call.group, id), call.consumer, form.count)
    if refused then
      return refused
    end
  end
  if call.undeleted and time_of(id) <= call.undeleted and not exists(call.stream, id) then
    return 'vanished'
  end
  at = at + 1
  if not form.is_guarded then
    return form.tried and try_first(call, form, at, key_at) and 'done' or look_first(call, form, at, key_at)
  end
  local guard = { key = call.keys[key_at], expected = args[at], value = args[at + 1], ttl = args[at + 2] }
  local problem = guard_error(guard)
  if problem then
    return problem
  end
  form.own[3 + #form.emits] = guard.key
  local answer = look_first(call, form, at + 3, key_at + 1)
  if answer == 'done' then
    redis.call('SET', guard.key, guard.value, 'PX', guard.ttl)
  end
  return answer
end

-- The streams that are to be trimmed when they grew.
local function grown_streams(forms)
  local grown = {}
  for _, form in ipairs(forms) do
    for _, emit in ipairs(form.emits) do
      if form.is_done and emit.trims then
        grown[emit.stream] = true
      end
    end
  end
  return grown
end

-- What nobody reads through a group is trimmed by whoever adds to it.
local function trim_follow_ups(streams, most, age)
  for stream in pairs(streams) do
    if #groups_of(stream) == 0 then
      redis.call('XTRIM', stream, 'MAXLEN', '~', most, 'LIMIT', FOLLOW_UP_PAGE)
      redis.call('XTRIM', stream, 'MINID', '~', string.format('%.0f', math.max(0, now_ms() - age)), 'LIMIT', FOLLOW_UP_PAGE)
    end
  end
end

-- KEYS: stream, receipt, streams of the events, then for each commit that of its guard and those of its writes. ARGV: group,
-- consumer, number of this call, most entries and greatest age in ms of a stream that events go to and no group reads, the
-- least and the greatest id of the entries, the forms, then for each commit: id; of its guard what that must hold, what it is
-- set to and for how many ms; names and values of its events; arguments of its writes. Each is checked and applied by itself.
-- Answers 'done' when all are, else for each: 'done'; 'duplicate', acknowledged without its writes; 'gone', 'taken', 'vanished',
-- 'superseded', or why it cannot be, with nothing written.
local function commit(keys, args)
  local stream, receipt, number = keys[1], keys[2], args[3]
  local problem = type_error(stream, 'stream') or type_error(receipt, 'string')
  if problem then
    return raise(problem)
  end
  local kept_number, kept = string.match(redis.call('GET', receipt) or '', '^(%d+) ([012]+)$')
  if kept_number ~= number then
    kept = ''
  end
  local forms, places, streams = read_forms(keys, args[8])
  local call = { stream = stream, group = args[1], consumer = args[2], keys = keys, args = cjson.decode(args[9]), ready = {} }
  survey(call, args[6], args[7], #places)
  local answers, flags, settled, all_done = {}, {}, {}, true
  local kept_answers, flag_of = { ['1'] = 'done', ['2'] = 'duplicate' }, { done = '1', duplicate = '2' }
  local at, key_at = 1, 3 + streams
  for c = 1, #places do
    local form = forms[places[c]]
    local answer = kept_answers[string.sub(kept, c, c)]
    if not answer then
      local ok
      ok, answer = pcall(commit_one, call, form, at, key_at)
      if not ok then -- what no check foresaw stays with this one commit
        answer = 'UNUSABLE commit: ' .. (type(answer) == 'table' and answer.err or tostring(answer))
      end
      if flag_of[answer] then
        settled[#settled + 1] = call.args[at]
        form.is_done = form.is_done or answer == 'done'
      end
    end
    at, key_at = at + form.parts, key_at + form.keys
    answers[c] = answer
    flags[c] = flag_of[answer] or '0'
    all_done = all_done and answer == 'done'
  end
  if #settled > 0 then
    redis.call('XACK', stream, args[1], unpack(settled))
    redis.call('SET', receipt, number .. ' ' .. table.concat(flags), 'PX', COMMIT_RECEIPT_MS)
    pcall(trim_follow_ups, grown_streams(forms), args[4], tonumber(args[5]))
  end
  return all_done and 'done' or answers
end

-- Parks one entry, or nothing of it. Those without writes are only noted: all of them are parked at once in the end.
local function park_one(call, id, count, delay, at)
  local stream, waiting, group = call.stream, call.waiting, call.group
  local due = tonumber(delay)
  if not due or due ~= due or due < 0 or due > 1e15 then
    return 'ERR the delay "' .. tostring(delay) .. '" is not a number of milliseconds'
  end
  local writes = at > 0 and parse_writes(call.keys, call.args, at)
  local problem = writes and writes_error(writes, { stream, waiting }, {})
  if problem then
    return problem
  end
  if call.counts[id] ~= count then
    local row = pending(stream, group, id)
    if row and row.owner == PARKING and row.count == count then
      return 'done' -- by an earlier send of this command: nobody else had the entry with this count
    end
    local refused = refusal(row, call.consumer, count)
    if refused then
      return refused
    end
  end
  call.counts[id] = nil -- should it come again in this call, it is looked up
  if call.undeleted and time_of(id) <= call.undeleted and not exists(stream, id) then
    return 'vanished'
  end
  local score = string.format('%.0f', call.now + due)
  if not writes then
    call.ids[#call.ids + 1] = id
    call.members[#call.members + 1] = score
    call.members[#call.members + 1] = id
    return 'done'
  end
  if is_prevented(writes) then
    redis.call('XACK', stream, group, id)
    return 'duplicate'
  end
  redis.call('XCLAIM', stream, group, PARKING, 0, id, 'JUSTID')
  redis.call('ZADD', waiting, score, id)
  apply_writes(writes)
  return 'done'
end

-- KEYS: stream, waiting list, keys of the writes. ARGV: group, consumer, the least and the greatest id of the entries, as
-- JSON for each entry in turn: id, count, delay in ms, the place of its writes in ARGV (0 for none); then the writes of each.
-- Each is checked and parked by itself. Answers 'done' when all are, else for each how it ended, or why it cannot be, with
-- nothing written.
local function park(keys, args)
  local stream, waiting = keys[1], keys[2]
  local problem = type_error(stream, 'stream') or type_error(waiting, 'zset')
  if problem then
    return raise(problem)
  end
  local entries = cjson.decode(args[5])
  local call = { stream = stream, waiting = waiting, group = args[1], consumer = args[2], keys = keys, args = args }
  call.now, call.ids, call.members = now_ms(), {}, {}
  survey(call, args[3], args[4], #entries / 4)
  local answers, all_done = {}, true
  for i = 1, #entries, 4 do
    local ok, answer = pcall(park_one, call, entries[i], entries[i + 1], entries[i + 2], entries[i + 3])
    if not ok then -- what no check foresaw stays with this one entry
      answer = type(answer) == 'table' and answer.err or tostring(answer)
    end
    answers[#answers + 1] = answer
    all_done = all_done and answer == 'done'
  end
  if #call.ids > 0 then
    call.ids[#call.ids + 1] = 'JUSTID'
    redis.call('XCLAIM', stream, call.group, PARKING, 0, unpack(call.ids))
    redis.call('ZADD', waiting, unpack(call.members))
  end
  return all_done and 'done' or answers
end

-- KEYS: stream. ARGV: group, id, consumer, count. Ends an entry that stays where it is (a dead letter read as input).
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

-- KEYS: list of limits by consumer. ARGV: consumer, its limit in ms, names of the consumers there are. Forgets those that
-- are gone. Answers the largest limit.
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

-- KEYS: stream, lists of limits by consumer. ARGV: group, consumer, least idle time in ms. Deleting a consumer drops what is pending for
-- it, hence only while nothing is.
local function reap_consumer(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'zset') or type_error(keys[3], 'zset')
  if problem then
    return raise(problem)
  end
  if args[2] == PARKING or not group_named(keys[1], args[1]) then
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

-- KEYS: stream. ARGV: age in ms, most entries, limit of one call, own group. Removes what no group needs any more and what is too
-- old or too much. Answers how many were removed, and the groups that hold back what is too old.
local function trim(keys, args)
  local stream = keys[1]
  local problem = type_error(stream, 'stream')
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
  return { redis.call('XTRIM', stream, 'MINID', '~', bound, 'LIMIT', limit), stale }
end

-- Redis words it in several ways, by version.
local function is_denied(message)
  return string.find(message, 'permission') or string.find(message, "can't run") or string.find(message, "can't access")
end

-- Taking dead letters out -------------------------------------------------------------------------------------------

local function denied_commands(attempts)
  local denied = {}
  for _, attempt in ipairs(attempts) do
    local answer = redis.pcall(unpack(attempt))
    if type(answer) == 'table' and answer.err and is_denied(answer.err) then
      denied[#denied + 1] = string.lower(attempt[1])
    end
  end
  return denied
end

local function denied_error(attempts)
  local denied = denied_commands(attempts)
  return denied[1] and 'NOPERM this user may not use ' .. table.concat(denied, ', ') or nil
end

-- How long a receipt tells what became of a dead letter, in ms.
local LETTER_RECEIPT_MS = 86400000

-- Most names and values that a function can hand to a command.
local MOST_PARTS = 7900

local RENAMED = 'dlt-original-field-'

-- The parts of a packed entry: '<length>:<part>,' one after the other. Nil when it is not made so.
local function unpacked(text)
  local parts, at = {}, 1
  while at <= #text do
    local _, colon = string.find(text, '^%d+:', at)
    if not colon then
      return nil
    end
    local length = tonumber(string.sub(text, at, colon - 1))
    parts[#parts + 1] = string.sub(text, colon + 1, colon + length)
    at = colon + length + 2
  end
  return #parts % 2 == 0 and parts or nil
end

-- What a dead letter says of itself, and the fields of the entry that it was, names and values in turn.
local function read_letter(fields)
  local info, originals = {}, {}
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if string.sub(name, 1, #RENAMED) == RENAMED then
      originals[#originals + 1] = string.sub(name, #RENAMED + 1)
      originals[#originals + 1] = value
    elseif name == 'dlt-original-packed' then
      originals = unpacked(value)
      if not originals then
        return info, nil
      end
    elseif string.sub(name, 1, 4) == 'dlt-' then
      info[name] = value
    elseif name ~= 'retry' then
      originals[#originals + 1] = name
      originals[#originals + 1] = value
    end
  end
  return info, originals
end

-- With other data in place of the payload: fields of a flat entry are its payload, so they go.
local function with_data(originals, data)
  local is_flat = true
  for i = 1, #originals, 2 do
    is_flat = is_flat and originals[i] ~= 'data'
  end
  local replaced = { 'data', data }
  for i = 1, #originals, 2 do
    local name = originals[i]
    local is_payload = is_flat and name ~= 'retry' and string.sub(name, 1, 7) ~= 'replay-'
    if name ~= 'data' and not is_payload then
      replaced[#replaced + 1] = name
      replaced[#replaced + 1] = originals[i + 1]
    end
  end
  return replaced
end

-- Longer than ten steps can be. The time to take a text apart that is not made of steps grows with its square.
local LONGEST_HISTORY = 1000

-- Where earlier replays of the entry came from: '<entry id>:<dead-letter id>' for each, the last ten.
local function replay_history(history, info, letter_id)
  local steps = {}
  if #history > LONGEST_HISTORY then
    history = ''
  end
  for step in string.gmatch(history, '%d+%-%d+:%d+%-%d+') do
    steps[#steps + 1] = step
  end
  if split_id(info['dlt-original-id'] or '') then
    steps[#steps + 1] = info['dlt-original-id'] .. ':' .. letter_id
  end
  return table.concat(steps, ' ', math.max(1, #steps - 9))
end

-- The entry that goes back to the stream.
local function replayed_entry(stream, letter_id, info, originals)
  local entry, history, has_retry = {}, '', false
  for i = 1, #originals, 2 do
    local name, value = originals[i], originals[i + 1]
    if name == 'replay-history' then
      history = value
    elseif name ~= 'replay-group' and not (name == 'dlt-replays' and string.match(value, '^%d%d?%d?%d?%d?%d?$')) then
      has_retry = has_retry or name == 'retry'
      entry[#entry + 1] = name
      entry[#entry + 1] = name == 'retry' and '0' or value
    end
  end
  local added = { 'dlt-replays', tostring(math.min(999999, (tonumber(info['dlt-replays']) or 0) + 1)) }
  local function add(name, value)
    added[#added + 1] = name
    added[#added + 1] = value
  end
  if not has_retry then
    add('retry', '0')
  end
  -- Every group that there is would pass over an entry for one that is gone.
  local group = info['dlt-original-consumer-group']
  if group and group_named(stream, group) then
    add('replay-group', group)
  end
  add('replay-history', replay_history(history, info, letter_id))
  for _, part in ipairs(added) do
    entry[#entry + 1] = part
  end
  return entry
end

-- Why a dead letter cannot be taken out, or nil: a receipt says that it was.
local function taken_before(receipt, token)
  local outcome, entry_id, by = string.match(redis.call('GET', receipt) or '', '^(%S+) (%S*) (.*)$')
  if not outcome then
    return nil
  end
  return { by == token and 'done' or outcome, entry_id }
end

-- ARGV from `at` on: most entries and longest age in ms of the audit stream, number of names and values, these.
local function parse_audit(args, at)
  local audit = { max_entries = args[at], max_age = tonumber(args[at + 1]), fields = {} }
  for i = 1, tonumber(args[at + 2]) do
    audit.fields[i] = args[at + 2 + i]
  end
  return audit, at + 3 + #audit.fields
end

local function write_audit(key, audit, ...)
  for _, part in ipairs({ ... }) do
    audit.fields[#audit.fields + 1] = part
  end
  redis.call('XADD', key, 'MAXLEN', '~', audit.max_entries, '*', unpack(audit.fields))
  redis.call('XTRIM', key, 'MINID', '~', string.format('%.0f', math.max(0, now_ms() - audit.max_age)))
end

local function remove_letter(letters, id)
  for _, group in ipairs(groups_of(letters)) do
    redis.call('XACK', letters, group.name, id)
  end
  redis.call('XDEL', letters, id)
end

local function letter_error(letters, audit, receipt)
  return type_error(letters, 'stream')
    or type_error(audit, 'stream')
    or type_error(receipt, 'string')
    or denied_error({
      { 'XRANGE', letters, 'x', '+' },
      { 'XINFO', 'GROUPS', letters },
      { 'XACK', letters, 'x', '0-0' },
      { 'XDEL', letters, '0-0' },
      { 'XADD', audit, '0-0', 'a', 'b' },
      { 'XTRIM', audit, 'MAXLEN', 'x' },
      { 'SET', receipt, 'x', 'PX', '0' },
    })
end

-- KEYS: dead-letter stream, audit stream, receipt, stream, job, keys of the writes. ARGV: dead-letter id, token of the
-- request, id of the job ('' for none), '1' to replace the payload, data in its place, the audit, the writes. Moves a
-- dead letter back to its stream. Answers 'done', 'replayed' or 'discarded' (by another request
-- before) and the id of the new entry; 'missing'; 'foreign' (it comes from another stream); 'unreadable' (it is packed
-- in another way than ours); 'too-large'; 'stopped' (the job does not run).
local function replay(keys, args)
  local letters, audit_key, receipt, stream, job, id, token = keys[1], keys[2], keys[3], keys[4], keys[5], args[1], args[2]
  local audit, at = parse_audit(args, 6)
  local writes = parse_writes(keys, args, at)
  local problem = letter_error(letters, audit_key, receipt)
    or type_error(stream, 'stream')
    or type_error(job, 'hash')
    or denied_error({ { 'XADD', stream, '0-0', 'a', 'b' }, { 'XINFO', 'GROUPS', stream } })
    or (args[3] ~= '' and denied_error({ { 'HGET', job, 'id' }, { 'HINCRBY', job, 'id', 'x' } }))
    or writes_error(writes, { letters, audit_key, receipt, stream, job }, {})
  if problem then
    return raise(problem)
  end
  local before = taken_before(receipt, token)
  if before then
    return before
  end
  if args[3] ~= '' and (redis.call('HGET', job, 'id') ~= args[3] or redis.call('HGET', job, 'state') ~= 'running') then
    return { 'stopped' }
  end
  local letter = redis.call('XRANGE', letters, id, id)[1]
  if not letter then
    return { 'missing' }
  end
  local info, originals = read_letter(letter[2])
  if (info['dlt-original-stream'] or stream) ~= stream then
    return { 'foreign' }
  end
  if args[4] == '1' then
    originals = with_data(originals or {}, args[5])
  end
  if not originals then
    return { 'unreadable' }
  end
  local entry = replayed_entry(stream, id, info, originals)
  if #entry > MOST_PARTS then
    return { 'too-large' }
  end
  local entry_id = redis.call('XADD', stream, '*', unpack(entry))
  remove_letter(letters, id)
  redis.call('SET', receipt, 'replayed ' .. entry_id .. ' ' .. token, 'PX', LETTER_RECEIPT_MS)
  if args[3] ~= '' then
    redis.call('HINCRBY', job, 'replayed', 1)
    if (tonumber(info['dlt-replays']) or 0) > 0 then
      redis.call('HINCRBY', job, 'repeated', 1)
    end
  end
  write_audit(audit_key, audit, 'deadLetterId', id, 'entryId', entry_id, 'deadLetterReason', info['dlt-reason'] or '')
  apply_writes(writes, entry_id)
  return { 'done', entry_id }
end

-- KEYS: dead-letter stream, audit stream, receipt. ARGV: dead-letter id, token of the request, the audit. Answers as replay does.
local function discard(keys, args)
  local letters, audit_key, receipt, id, token = keys[1], keys[2], keys[3], args[1], args[2]
  local audit = parse_audit(args, 3)
  local problem = letter_error(letters, audit_key, receipt)
  if problem then
    return raise(problem)
  end
  local before = taken_before(receipt, token)
  if before then
    return before
  end
  local letter = redis.call('XRANGE', letters, id, id)[1]
  if not letter then
    return { 'missing' }
  end
  local info = read_letter(letter[2])
  remove_letter(letters, id)
  redis.call('SET', receipt, 'discarded  ' .. token, 'PX', LETTER_RECEIPT_MS)
  write_audit(audit_key, audit, 'deadLetterId', id, 'deadLetterReason', info['dlt-reason'] or '', 'originalId', info['dlt-original-id'] or '')
  return { 'done', '' }
end

local function job_error(job, audit_key)
  return type_error(job, 'hash')
    or type_error(audit_key, 'stream')
    or denied_error({
      { 'HSET', job, 'field', 'value', 'field without a value' },
      { 'HGET', job, 'id' },
      { 'HMGET', job, 'id' },
      { 'HINCRBY', job, 'id', 'x' },
      { 'XADD', audit_key, '0-0', 'a', 'b' },
      { 'XTRIM', audit_key, 'MAXLEN', 'x' },
    })
end

-- KEYS: job, audit stream. ARGV: id of the job, the audit, number of names and values of the job, these. Answers 'done', or
-- 'busy' and the id of the job that runs.
local function start_job(keys, args)
  local job, audit_key = keys[1], keys[2]
  local audit, at = parse_audit(args, 2)
  local problem = job_error(job, audit_key)
  if problem then
    return raise(problem)
  end
  local current, state = unpack(redis.call('HMGET', job, 'id', 'state'))
  if current == args[1] then
    return { 'done' }
  end
  if state == 'running' then
    return { 'busy', current }
  end
  redis.call('HSET', job, 'id', args[1], 'state', 'running', unpack(args, at + 1, at + tonumber(args[at])))
  write_audit(audit_key, audit)
  return { 'done' }
end

-- KEYS: job. ARGV: id of the job, where it stood, where it stands, how many were skipped between. Answers whether it went on.
local function advance_job(keys, args)
  local problem = type_error(keys[1], 'hash')
  if problem then
    return raise(problem)
  end
  local id, state, cursor = unpack(redis.call('HMGET', keys[1], 'id', 'state', 'cursor'))
  if id ~= args[1] or state ~= 'running' then
    return 0
  end
  if cursor == args[2] then
    redis.call('HSET', keys[1], 'cursor', args[3], 'problem', '')
    redis.call('HINCRBY', keys[1], 'skipped', args[4])
  end
  return 1
end

-- KEYS: job. ARGV: id of the job, what keeps it from going on ('' for nothing).
local function report_problem(keys, args)
  local problem = type_error(keys[1], 'hash')
  if problem then
    return raise(problem)
  end
  if redis.call('HGET', keys[1], 'id') == args[1] then
    redis.call('HSET', keys[1], 'problem', args[2])
  end
  return 1
end

-- KEYS: job, audit stream. ARGV: id of the job, how it ends, when, the audit. Answers the state that it is in.
local function end_job(keys, args)
  local job, audit_key = keys[1], keys[2]
  local audit = parse_audit(args, 4)
  local problem = job_error(job, audit_key)
  if problem then
    return raise(problem)
  end
  local id, state, replayed, skipped = unpack(redis.call('HMGET', job, 'id', 'state', 'replayed', 'skipped'))
  if id ~= args[1] then
    return 'missing'
  end
  if state ~= 'running' then
    return state
  end
  redis.call('HSET', job, 'state', args[2], 'endedAt', args[3], 'problem', '')
  write_audit(audit_key, audit, 'replayed', replayed or '0', 'skipped', skipped or '0')
  return args[2]
end

-- KEYS: lease. ARGV: who, for how many ms; 0 gives it back. Answers whether it is theirs.
local function hold_lease(keys, args)
  local problem = type_error(keys[1], 'string')
  if problem then
    return raise(problem)
  end
  local holder = redis.call('GET', keys[1])
  if holder and holder ~= args[1] then
    return 0
  end
  if args[2] ~= '0' then
    redis.call('SET', keys[1], args[1], 'PX', args[2])
  elseif holder then
    redis.call('PEXPIRE', keys[1], 0)
  end
  return 1
end

-- KEYS: stream, waiting list, dead-letter stream, a key that nobody uses. ARGV: group, '1' if writes of the application travel with settlements.
-- A right that is missing in the middle of a function leaves half a step, so each command is tried beforehand, in a
-- form that changes nothing.
local function check_rights(keys, args)
  local attempts = {
    { 'XADD', keys[3], '0-0', 'a', 'b' },
    { 'XACK', keys[1], args[1], '0-0' },
    { 'XCLAIM', keys[1], args[1], PARKING, 0, 'x' },
    { 'XPENDING', keys[1], args[1], '-', '+', 'x' },
    { 'XRANGE', keys[1], 'x', '+' },
    { 'XLEN', keys[1] },
    { 'XINFO', 'GROUPS', keys[1] },
    { 'XINFO', 'STREAM', keys[1] },
    { 'XTRIM', keys[1], 'MAXLEN', 'x' },
    { 'XGROUP', 'CREATE', keys[1], args[1], 'x' },
    { 'XGROUP', 'DELCONSUMER', keys[1], args[1] .. '\0', 'x' },
    { 'ZADD', keys[2], 'x', 'x' },
    { 'ZREM', keys[2], '' },
    { 'ZSCORE', keys[2], '' },
    { 'ZCARD', keys[2] },
    { 'ZRANGEBYSCORE', keys[2], 'x', 'x' },
    { 'GET', keys[4] },
    { 'SET', keys[4], 'x', 'PX', '0' },
    { 'TYPE', keys[1] },
    { 'TIME' },
  }
  local missing = denied_commands(attempts)
  if args[2] == '1' then
    local named = {}
    for _, offer in pairs(OFFERED) do
      for _, use in ipairs(offer.uses) do
        local name = string.lower(use[1])
        if not named[name] and not may(use[1], keys[4], unpack(use, 2)) then
          missing[#missing + 1] = name
          named[name] = true
        end
      end
    end
  end
  return missing
end

local function register(name, callback, flags)
  redis.register_function({ function_name = '@version@_' .. name, callback = callback, flags = flags })
end

-- Recovery and dead-lettering must go on when Redis is out of memory; only intake and commits wait.
register('enqueue', enqueue, {})
register('enqueue_once', enqueue_once, {})
register('commit', commit, {})
register('ensure_group', ensure_group, { 'allow-oom' })
register('keep_floor', keep_floor, { 'allow-oom' })
register('extend', extend, { 'allow-oom' })
register('park', park, { 'allow-oom' })
register('release', release, { 'allow-oom' })
-- Without memory no handler begins: its commit would be refused.
register('begin', begin, {})
register('claim_due', claim_due, { 'allow-oom' })
register('claim_abandoned', claim_abandoned, { 'allow-oom' })
register('dead_letter', dead_letter, { 'allow-oom' })
register('settle', settle, { 'allow-oom' })
register('repair_parked', repair_parked, { 'allow-oom' })
register('repair_waiting', repair_waiting, { 'allow-oom' })
register('announce', announce, { 'allow-oom' })
register('reap_consumer', reap_consumer, { 'allow-oom' })
register('trim', trim, { 'allow-oom' })
register('check_rights', check_rights, { 'allow-oom' })
register('replay', replay, {})
register('discard', discard, { 'allow-oom' })
register('start_job', start_job, {})
register('advance_job', advance_job, { 'allow-oom' })
register('report_problem', report_problem, { 'allow-oom' })
register('end_job', end_job, { 'allow-oom' })
register('hold_lease', hold_lease, { 'allow-oom' })

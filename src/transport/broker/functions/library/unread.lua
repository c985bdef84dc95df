-- Entries that leave a stream before the group was given them -------------------------------------------------------
--
-- What a group has not read yet changes in two ways only: entries are added, and entries are delivered. Whatever else
-- makes it less is a loss: somebody trimmed or deleted entries, or set the group beyond them. Redis counts what was
-- added. What was delivered the processes count, each what it received, and Redis 7.0 counts it as well. The sums are
-- compared from a base on, at which they were known to be right.

-- Entries that are read at most, on each side of the group's position, to count those behind it.
local UNREAD_PAGE = 100
-- A consumer that asked for nothing for so long has no read under way: one blocks for a second.
local QUIET_MS = 5000
-- The walk over a page is not made more often than this, whatever the number of processes.
local WALK_EVERY_MS = 900
-- An id that is further ahead of the clock than this is no place that a group would come to by reading.
local FAR_AHEAD_MS = 86400000

local function read_unread(key)
  local kept = redis.call('GET', key)
  local ok, state = pcall(cjson.decode, kept or '{}')
  if not ok or type(state) ~= 'table' then
    state = {}
  end
  state.seats = state.seats or {}
  state.round = state.round or 0
  return state, kept
end

-- How many entries lie behind an id; nil when a page does not say it, or a page was read a moment ago: then true as well.
local function count_behind(stream, at, info, state, now)
  local last, first = info['last-generated-id'], info['recorded-first-entry-id']
  if info.length == 0 or not id_less(at, last) then
    return 0
  end
  if first and id_less(at, first) then
    return info.length
  end
  local since = now - (state.walked or 0)
  if since >= 0 and since < WALK_EVERY_MS then
    return nil, true
  end
  state.walked = now
  local behind = #redis.call('XRANGE', stream, '(' .. at, '+', 'COUNT', UNREAD_PAGE)
  if behind < UNREAD_PAGE then
    return behind
  end
  local before = #redis.call('XRANGE', stream, '-', at, 'COUNT', UNREAD_PAGE)
  return before < UNREAD_PAGE and info.length - before or nil
end

-- What Redis itself counted as delivered, unless the next delivery would make it count anew: where entries are gone that lie
-- ahead of the group, later versions put the group's count right by as many.
local function own_count(group, info)
  local at, read = group['last-delivered-id'], group['entries-read']
  if not read or id_less(at, info['max-deleted-entry-id']) then
    return nil
  end
  local is_overrun = info.length == 0 or id_less(at, info['recorded-first-entry-id'])
  if is_overrun and id_less(at, info['last-generated-id']) and read ~= info['entries-added'] - info.length then
    return nil
  end
  return read
end

-- A Redis that was started again, or took over as master, may have forgotten what it counted as delivered.
local function run_of()
  local server = redis.pcall('INFO', 'server')
  return type(server) == 'string' and string.match(server, 'run_id:(%x+)') or ''
end

-- What the processes have received since the base.
local function received_since(state)
  local sum = state.left or 0
  for _, seat in pairs(state.seats) do
    sum = sum + seat.received - seat.base
  end
  return sum
end

local function set_base(state, now, info, group, unread, run)
  state.base = unread
    and {
      at = now,
      unread = unread,
      added = info['entries-added'],
      length = info.length,
      read = own_count(group, info),
      deleted = info['max-deleted-entry-id'],
      last = info['last-generated-id'],
      run = run,
    }
  state.trimmed, state.left, state.gone = 0, 0, nil
  state.unknown = state.base == nil and state.unknown or nil
  for _, seat in pairs(state.seats) do
    seat.base = seat.received
  end
end

-- Notes what this consumer received. Answers whether it is `unknown` how many somebody received; whether the round `waits`
-- for a process that has yet to say what it had received when it began; and whether nobody else can have received anything.
local function take_seats(state, stream, group, me, now)
  local unknown, waits, is_alone = me.is_unsure or state.unknown, false, me.is_settled
  if state.base and now < state.base.at then -- the clock was set back
    unknown = true
  end
  if me.is_settled then
    me.seen, state.walked = state.round, nil
  end
  local seat = state.seats[me.name]
  if not seat then
    unknown = unknown or me.received > 0
    seat = { received = me.received, base = me.received, at = 0 }
    state.seats[me.name] = seat
  end
  seat.received, seat.seen, seat.fresh, seat.final = me.received, me.seen, nil, me.is_final or nil
  if now - seat.at > QUIET_MS / 2 or now < seat.at then
    seat.at = now
  end
  if me.is_final then
    seat.at = now
  end
  local idle = {}
  for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local consumer = to_map(row)
    if string.sub(consumer.name, 1, 1) ~= '@' then
      idle[consumer.name] = consumer.idle
      if not state.seats[consumer.name] and state.base and now - consumer.idle >= state.base.at - 1000 then
        unknown = true
      end
    end
  end
  for name, other in pairs(state.seats) do
    other.at = math.min(other.at, now) -- the clock was set back
    local quiet = math.min(now - other.at, idle[name] or now)
    if other.final and not idle[name] then
      state.left = (state.left or 0) + other.received - other.base
      state.seats[name] = nil
    elseif name ~= me.name and not other.final then
      if quiet > QUIET_MS then
        unknown = true
        state.seats[name] = nil
      else
        waits = waits or other.seen < state.round
        is_alone = is_alone and other.fresh
      end
    end
  end
  state.unknown = unknown or nil -- until a base is found from which on it is known
  return { unknown = unknown, waits = waits or me.seen < state.round, is_alone = is_alone }
end

-- How many left at least, and whether there may be more. `gone` are those that are not unread any more, for whatever reason.
local function prove_lost(state, delivered, gone, seats)
  local lost = delivered and gone and gone - delivered or 0
  if gone and not seats.unknown then
    local received = received_since(state)
    if seats.is_alone then
      lost = math.max(lost, gone - received)
    end
    if not seats.waits and state.gone then
      lost = math.max(lost, state.gone - received)
    end
  end
  return math.max(0, lost)
end

-- Compares, and moves the base on. Answers how many entries left unread since, how, and whether there may be more.
local function compare_unread(state, stream, group, info, me, now)
  local at, last, added = group['last-delivered-id'], info['last-generated-id'], info['entries-added']
  local seats = take_seats(state, stream, group.name, me, now)
  if state.base and (added < state.base.added or id_less(last, state.base.last)) then
    state.base = nil -- the stream began again, or was set back
  end
  local base = state.base
  if not base then
    set_base(state, now, info, group, count_behind(stream, at, info, state, now), me.run)
    return 0
  end
  local read, new = group['entries-read'], added - base.added
  local removed = base.length + new - info.length - (state.trimmed or 0)
  local delivered = read and base.read and me.run == base.run and read >= base.read and read - base.read or nil
  local unread, later
  if removed == 0 and delivered and id_less(at, last) then
    unread = base.unread + new - delivered
  else
    unread, later = count_behind(stream, at, info, state, now)
  end
  if later then
    return 0
  end
  local gone = unread and base.unread + new - unread
  local lost, is_least = prove_lost(state, delivered, gone, seats), false
  local deleted = info['max-deleted-entry-id']
  if lost == 0 and (seats.unknown or not gone) and id_less(base.deleted, deleted) and id_less(at, deleted) then
    lost, is_least = 1, true -- somebody deleted an entry behind all that the group was given
  end
  base.deleted = deleted
  base.unread = base.unread - lost
  gone = gone and gone - lost
  state.gone = state.gone and state.gone - lost
  if seats.unknown then
    set_base(state, now, info, group, unread, me.run)
  elseif gone and not seats.waits then
    local sight = table.concat({ at, added, info.length, received_since(state) }, ' ')
    if state.sight ~= sight then
      state.sight, state.gone, state.round = sight, gone, state.round + 1
    elseif not state.is_still then -- nothing moved for a whole round: all is known
      set_base(state, now, info, group, unread, me.run)
      state.sight, state.gone = table.concat({ at, added, info.length, 0 }, ' '), 0
    end
    state.is_still = state.sight == sight or nil
  end
  return lost, removed > 0 and 'removed' or 'skipped', is_least
end

-- KEYS: stream, what is known of the unread, floor. ARGV: group, consumer, number of this call, entries that the consumer
-- received since it began, the last round that it knew when its read began, flags: 'u' when it may have received more than
-- it counts, 's' when it has no read under way, 'f' when it will not read any more, 'c' to count. Several processes find a
-- loss once. A group beyond the end of its stream would be given nothing: it is set to where it was. Answers JSON.
local function watch_unread(keys, args)
  local stream, key, floor_key = keys[1], keys[2], keys[3]
  local problem = type_error(stream, 'stream') or type_error(key, 'string') or type_error(floor_key, 'string')
  if problem then
    return raise(problem)
  end
  local group = group_named(stream, args[1])
  if not group then
    return cjson.encode({ round = 0 })
  end
  local state, kept = read_unread(key)
  local call = args[2] .. ' ' .. args[3]
  if state.call == call then
    return state.answer -- the repeat of a call whose answer was lost
  end
  local now, info = now_ms(), to_map(redis.call('XINFO', 'STREAM', stream))
  local at, last = group['last-delivered-id'], info['last-generated-id']
  local answer = {}
  if id_less(last, at) then
    local to = state.steady
    if not to or id_less(last, to) then
      to = redis.call('GET', floor_key)
      to = to and split_id(to) and not id_less(last, to) and to or '0-0'
    end
    local set = redis.pcall('XGROUP', 'SETID', stream, args[1], to)
    answer.beyond = { from = at, to = to, refused = type(set) == 'table' and set.err or nil }
    if not answer.beyond.refused then
      state.base, state.gone, state.sight = nil, nil, nil
      group = group_named(stream, args[1])
    end
  elseif time_of(at) >= 0 and time_of(at) <= now + FAR_AHEAD_MS then
    state.steady = at
  end
  if not answer.beyond and string.find(args[6], 'c', 1, true) then
    local me = {
      name = args[2],
      received = tonumber(args[4]),
      seen = tonumber(args[5]),
      is_unsure = string.find(args[6], 'u', 1, true) ~= nil,
      is_settled = string.find(args[6], 's', 1, true) ~= nil,
      is_final = string.find(args[6], 'f', 1, true) ~= nil,
      run = run_of(),
    }
    local lost, reason, is_least = compare_unread(state, stream, group, info, me, now)
    if lost > 0 then
      state.lost = (state.lost or 0) + lost
      state.lost_at = now
      answer.lost, answer.is_least, answer.reason = lost, is_least, reason
    end
  end
  answer.round = state.round
  if state.lost then
    answer.total, answer.ago = state.lost, math.max(0, now - state.lost_at)
  end
  local text = cjson.encode(answer)
  if answer.lost or answer.beyond then
    state.call, state.answer = call, text
  end
  local written = cjson.encode(state)
  if written ~= kept then
    redis.call('SET', key, written)
  end
  return text
end

-- The functions below change what is compared, or begin it.

-- What retention removed is not a loss: no group needed it.
local function note_trimmed(key, removed)
  local state = read_unread(key)
  if removed > 0 and state.base then
    state.trimmed = (state.trimmed or 0) + removed
    redis.call('SET', key, cjson.encode(state))
  end
end

-- A group that is made begins to count; a consumer has its seat before it reads.
local function begin_unread(key, consumer, is_made)
  local state = read_unread(key)
  local was_known = state.base ~= nil or state.steady ~= nil
  if is_made then
    state.base, state.gone, state.sight, state.steady, state.seats = nil, nil, nil, nil, {}
  end
  if not state.seats[consumer] then
    state.seats[consumer] = { received = 0, base = 0, at = now_ms(), seen = state.round, fresh = true }
  end
  redis.call('SET', key, cjson.encode(state))
  return was_known
end

-- KEYS: stream, what is known of the unread. ARGV: most entries. Cuts the stream to this length, whoever needs what is cut:
-- the operator wants it so, hence it is no loss to be found.
local function cap(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'string')
  if problem then
    return raise(problem)
  end
  local removed = redis.call('XTRIM', keys[1], 'MAXLEN', '~', args[1])
  if removed > 0 then
    local state = read_unread(keys[2])
    state.base = nil
    redis.call('SET', keys[2], cjson.encode(state))
  end
  return removed
end

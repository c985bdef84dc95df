-- Entries that leave a stream before the group was given them: how they are found.
-- uses: entries
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

-- How many entries lie behind an id; nil when a page does not say it, or a page was read a moment ago: then true as
-- well.
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

-- What Redis itself counted as delivered, unless the next delivery would make it count again: where entries are gone
-- that lie ahead of the group, later versions put the group's count right by as many.
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

-- Notes what this consumer received. Answers whether it is `unknown` how many somebody received; whether the round
-- `waits` for a process that has yet to say what it had received when it began; and whether nobody else can have
-- received anything.
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

-- How many left at least, and whether there may be more. `gone` are those that are not unread any more, for whatever
-- reason.
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

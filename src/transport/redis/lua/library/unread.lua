-- Entries that leave a stream before the group was given them: the watch, and what changes what it compares.
-- uses: entries, unread-losses

-- An id that is further ahead of the clock than this is no place that a group would come to by reading.
local FAR_AHEAD_MS = 86400000

-- A Redis that was started again, or took over as master, may have forgotten what it counted as delivered.
local function run_of()
  local server = redis.pcall('INFO', 'server')
  return type(server) == 'string' and string.match(server, 'run_id:(%x+)') or ''
end

-- KEYS: stream, what is known of the unread, floor. ARGV: group, consumer, number of this call, entries that the
-- consumer received since it began, the last round that it knew when its read began, flags: 'u' when it may have
-- received more than it counts, 's' when it has no read under way, 'f' when it will not read any more, 'c' to count.
-- Several processes find a loss once. A group beyond the end of its stream would be given nothing: it is set to where
-- it was. Answers JSON.
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

-- KEYS: stream, what is known of the unread. ARGV: most entries. Cuts the stream to this length, whoever needs what is
-- cut: the operator wants it so, hence it is no loss to be found.
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

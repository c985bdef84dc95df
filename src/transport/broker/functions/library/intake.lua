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

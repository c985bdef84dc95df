-- Adding entries to a stream: each send once, also where its answer was lost, and each event once by its names.
-- uses: entries, application-writes, write-checks

-- The sends of a client to a stream are numbered, and the client's mark next to the stream holds the number of the last one
-- that was carried out, with the ids that it and those before it gave, newest first, up to a full stop:
--   <number>=<first id>*<entries>+<first id>*<entries>;<number>=… .
-- A send that comes again, over another link, or late over its old one, finds its number there and adds nothing.
--
-- ARGV of a send: its number; the number of the one before it that is under way too, or 0; the number of the oldest one
-- under way; '1' when it was sent before and its answer was lost; how long the mark stays, in ms.
local SEND_ARGS = 5

-- Commands that refuse a stream: who may use them on a mark alone can do no harm with them to what is not one.
local MARK_USES = { { 'GETEX', 'PX', '1' }, { 'SETRANGE', '0', 'v' } }

local function mark_denial(mark)
  for _, use in ipairs(MARK_USES) do
    if not may(use[1], mark, unpack(use, 2)) then
      -- Refused as well, and so in the log of what Redis refused.
      redis.pcall(use[1], mark, unpack(use, 2))
      return 'NOPERM this user may not use ' .. string.lower(use[1]) .. ' on "' .. mark .. '"'
    end
  end
  return nil
end

local function send_of(args)
  return { number = tonumber(args[1]), after = tonumber(args[2]), oldest = tonumber(args[3]), again = args[4] == '1', ttl = args[5] }
end

-- What a send gave when it was carried out, or nil and why it cannot be carried out, or nil twice. `send` keeps the
-- mark.
local function runs_of(mark, send)
  local problem = mark_denial(mark)
  if problem then
    return nil, problem
  end
  local held = redis.pcall('GETEX', mark, 'PX', send.ttl)
  if type(held) == 'table' then
    return nil, held.err
  end
  send.is_first = not held
  send.held = string.match(held or '', '^[^.]*')
  local last = tonumber(string.match(send.held, '^%d+')) or 0
  if last >= send.number then
    local runs = string.match(';' .. send.held, ';' .. send.number .. '=([^;]*)')
    return runs, not runs and 'UNKNOWN what became of this send is not kept any more'
  elseif send.again and send.is_first then
    return nil, 'UNKNOWN the mark of this client is gone'
  elseif last < send.after then
    return nil, 'OUTOFORDER an earlier send was not carried out'
  end
  return nil, nil
end

-- The records of the sends that are under way: those up to the oldest one's, which is there unless that one failed.
local function kept_of(send)
  local held = ';' .. send.held
  local at = string.find(held, ';' .. send.oldest .. '=', 1, true)
  if at then
    return string.sub(held, 1, (string.find(held, ';', at + 1, true) or 0) - 1)
  end
  for place, number in string.gmatch(held, '();(%d+)=') do
    if tonumber(number) < send.oldest then
      return string.sub(held, 1, place - 1)
    end
  end
  return send.is_first and '' or held
end

local function note_runs(mark, send, runs)
  redis.call('SETRANGE', mark, 0, send.number .. '=' .. runs .. kept_of(send) .. '.')
  if send.is_first then
    redis.call('GETEX', mark, 'PX', send.ttl)
  end
end

-- KEYS: stream, mark of the client. ARGV: the send, number of entries, for each the number of its names and values, and
-- these. Answers the ids in runs: <first id>*<entries>+…, each id of a run being the one before with 1 added to its
-- sequence.
local function enqueue_all(keys, args)
  local stream, mark = keys[1], keys[2]
  local send = send_of(args)
  local given, problem = runs_of(mark, send)
  if problem then
    return raise(problem)
  end
  if given then
    return given
  end
  local at = SEND_ARGS + 2
  local runs, first, ms, count = {}, nil, nil, 0
  for _ = 1, tonumber(args[SEND_ARGS + 1]) do
    local length = tonumber(args[at])
    local id = first and redis.pcall('XADD', stream, ms .. '-*', unpack(args, at + 1, at + length))
    if type(id) ~= 'string' then
      -- The first one, or the last one of the sequences of a millisecond was given.
      if first then
        runs[#runs + 1] = first .. '*' .. count
      end
      first, count = redis.call('XADD', stream, '*', unpack(args, at + 1, at + length)), 0
      ms = string.match(first, '^%d+')
    end
    count = count + 1
    at = at + 1 + length
  end
  runs[#runs + 1] = first .. '*' .. count
  local answer = table.concat(runs, '+')
  note_runs(mark, send, answer)
  return answer
end

-- KEYS: stream, mark of the client if the send has a number other than 0, keys of the writes. ARGV: the send, number of
-- names and values, these, the writes. Answers the entry's id.
local function enqueue(keys, args)
  local stream = keys[1]
  local send = send_of(args)
  local mark = send.number > 0 and keys[2]
  local at = SEND_ARGS + 1
  local length = tonumber(args[at])
  local given, problem
  if mark then
    given, problem = runs_of(mark, send)
  end
  if given then
    return string.match(given, '^[^*]+')
  end
  local writes = parse_writes(keys, args, at + 1 + length)
  problem = problem or type_error(stream, 'stream') or writes_error(writes, { stream, mark or nil }, {})
  if problem then
    return raise(problem)
  end
  if is_contradicted(writes) then
    return raise(CONTRADICTED)
  end
  local id = redis.call('XADD', stream, '*', unpack(args, at + 1, at + length))
  apply_writes(writes, id)
  if mark then
    note_runs(mark, send, id .. '*1')
  end
  return id
end

-- KEYS: stream, a marker for each name of the event, keys of the writes. ARGV: number of names, window in ms, for each
-- name what distinguishes the events of this name (may be empty), number of names and values, these, the writes. Answers
-- the entry's id, and 'added'; 'repeated' when a name stood for an entry already, and 'reused' with the place of the
-- name when that entry is another event: then nothing is added.
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
  if is_contradicted(writes) then
    return raise(CONTRADICTED)
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

-- How the commits of one call are sent, what is looked at beforehand, and how one of them is applied.
-- uses: entries, application-writes, write-checks

-- Commands that Redis makes whole or refuses whole, whatever they are given.
local WHOLE = { hset = true, hdel = true, set = true, sadd = true, srem = true, zrem = true, rpush = true, lpush = true }

-- The place of the write that a commit of this form may try without a look at it beforehand, or nil: nothing is written
-- yet when it fails. Conditions may stand before it. What counters are left with must be known beforehand.
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
-- streams that events go to]`. A form is `[delivery count, events, writes, 1 if it is guarded]`, an event `[place of
-- its stream among the keys, 1 if that is trimmed, number of names and values]`, a write `[command, number of
-- arguments]`.
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

-- What is known beforehand of the entries of one call, so that not each of them must be looked up: the delivery counts
-- of those that are pending for its consumer from the first to the last entry, and until which time one may be deleted
-- (nil when none of these is).
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

local function add_events(call, emits, at)
  local args, ready = call.args, call.ready
  for e = 1, #emits do
    local emit = emits[e]
    local id = redis.call('XADD', emit.stream, '*', unpack(args, at, at + emit.parts - 1))
    ready[emit.stream] = id ~= GREATEST_ID -- a stream that has given its last id takes no more
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

-- Applies a commit whose conditions hold, and of whose writes all but one are looked at beforehand; that one comes
-- first. Answers false when it cannot be done so, and nothing is written then.
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

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
  if is_contradicted(writes) then
    writes = {}
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

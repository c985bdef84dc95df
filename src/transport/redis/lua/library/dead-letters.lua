-- Moving a dead letter back to its stream, or removing it, with an entry in the audit.
-- uses: entries, application-writes, write-checks, dead-lettering, rights

-- How long a receipt says what became of a dead letter, in ms.
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
    elseif string.sub(name, 1, 4) == 'dlt-' or REPLAY_FIELDS[name] then
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
local function replay_history(info, letter_id)
  local steps, history = {}, info['replay-history'] or ''
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

-- The entry that goes back to the stream. Fields that only a replay writes are ours alone there, whoever wrote such
-- before.
local function replayed_entry(stream, letter_id, info, originals)
  local entry, has_retry = {}, false
  for i = 1, #originals, 2 do
    local name, value = originals[i], originals[i + 1]
    if not REPLAY_FIELDS[name] then
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
  add('replay-history', replay_history(info, letter_id))
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

local function remove_letter(letters, notes, id)
  for _, group in ipairs(groups_of(letters)) do
    redis.call('XACK', letters, group.name, id)
  end
  redis.call('XDEL', letters, id)
  redis.call('ZREM', notes, id)
end

local function letter_error(letters, audit, receipt, notes)
  return type_error(letters, 'stream')
    or type_error(notes, 'zset')
    or type_error(audit, 'stream')
    or type_error(receipt, 'string')
    or denied_error({
      { 'XRANGE', letters, 'x', '+' },
      { 'XINFO', 'GROUPS', letters },
      { 'XACK', letters, 'x', '0-0' },
      { 'XDEL', letters, '0-0' },
      { 'ZREM', notes, '' },
      { 'XADD', audit, '0-0', 'a', 'b' },
      { 'XTRIM', audit, 'MAXLEN', 'x' },
      { 'SET', receipt, 'x', 'PX', '0' },
    })
end

-- KEYS: dead-letter stream, audit stream, receipt, notes of dead letters, stream, job, notes of replayed entries, keys
-- of the writes. ARGV: dead-letter id, token of the request, id of the job ('' for none), '1' where an operator said
-- the stream, '1' to replace the payload, data in its place, the audit, the writes. Moves a dead letter back to its
-- stream. Answers 'done', 'replayed' or 'discarded' (by another request before) and the id of the new entry; 'missing';
-- 'foreign' (we did not write it, and nobody said the stream); 'unreadable' (it is packed in another way than ours);
-- 'too-large'; 'stopped' (the job does not run).
local function replay(keys, args)
  local letters, audit_key, receipt, notes, id, token = keys[1], keys[2], keys[3], keys[4], args[1], args[2]
  local stream, job, replayed = keys[5], keys[6], keys[7]
  local audit, at = parse_audit(args, 7)
  local writes = parse_writes(keys, args, at)
  local problem = letter_error(letters, audit_key, receipt, notes)
    or type_error(stream, 'stream')
    or type_error(job, 'hash')
    or type_error(replayed, 'zset')
    or denied_error({
      { 'XADD', stream, '0-0', 'a', 'b' },
      { 'XINFO', 'GROUPS', stream },
      { 'ZSCORE', notes, '' },
      { 'ZADD', replayed, 'x', 'x' },
    })
    or (args[3] ~= '' and denied_error({ { 'HGET', job, 'id' }, { 'HINCRBY', job, 'id', 'x' } }))
    or writes_error(writes, { letters, audit_key, receipt, notes, stream, job, replayed }, {})
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
  local reason = info['dlt-reason'] or ''
  if not redis.call('ZSCORE', notes, id) then
    if args[4] ~= '1' then
      return { 'foreign' }
    end
    info = {} -- What it says of itself is anybody's.
  end
  if args[5] == '1' then
    originals = with_data(originals or {}, args[6])
  end
  if not originals then
    return { 'unreadable' }
  end
  local entry = replayed_entry(stream, id, info, originals)
  if #entry > MOST_PARTS then
    return { 'too-large' }
  end
  local entry_id = redis.call('XADD', stream, '*', unpack(entry))
  note_id(replayed, entry_id)
  remove_letter(letters, notes, id)
  redis.call('SET', receipt, 'replayed ' .. entry_id .. ' ' .. token, 'PX', LETTER_RECEIPT_MS)
  if args[3] ~= '' then
    redis.call('HINCRBY', job, 'replayed', 1)
    if (tonumber(info['dlt-replays']) or 0) > 0 then
      redis.call('HINCRBY', job, 'repeated', 1)
    end
  end
  write_audit(audit_key, audit, 'deadLetterId', id, 'entryId', entry_id, 'deadLetterReason', reason)
  if not is_contradicted(writes) then
    apply_writes(writes, entry_id)
  end
  return { 'done', entry_id }
end

-- KEYS: dead-letter stream, audit stream, receipt, notes of dead letters. ARGV: dead-letter id, token of the request,
-- the audit. Answers as replay does.
local function discard(keys, args)
  local letters, audit_key, receipt, notes, id, token = keys[1], keys[2], keys[3], keys[4], args[1], args[2]
  local audit = parse_audit(args, 3)
  local problem = letter_error(letters, audit_key, receipt, notes)
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
  remove_letter(letters, notes, id)
  redis.call('SET', receipt, 'discarded  ' .. token, 'PX', LETTER_RECEIPT_MS)
  write_audit(audit_key, audit, 'deadLetterId', id, 'deadLetterReason', info['dlt-reason'] or '', 'originalId', info['dlt-original-id'] or '')
  return { 'done', '' }
end

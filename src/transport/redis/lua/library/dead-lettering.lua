-- Moving an entry to the dead-letter stream.
-- uses: entries, application-writes, write-checks

-- Fields that only a replay writes. In an entry that no replay made they are anybody's.
local REPLAY_FIELDS = { ['dlt-replays'] = true, ['replay-group'] = true, ['replay-history'] = true }

local MAX_FIELDS = 1000

-- The fields of a dead letter that come from the entry: as they are; those that would pass for ours renamed. What a
-- replay wrote stands by itself, also where the others are packed.
local function original_fields(fields, added, is_replayed)
  local own, of_replay = {}, {}
  for i = 1, #fields, 2 do
    local name = fields[i]
    local into = is_replayed and REPLAY_FIELDS[name] and of_replay or own
    if into == own or name ~= 'dlt-replays' then
      into[#into + 1] = name
      into[#into + 1] = fields[i + 1]
    end
  end
  if #own > 2 * MAX_FIELDS then
    local packed = {}
    for i, part in ipairs(own) do
      packed[i] = #part .. ':' .. part .. ','
    end
    own = { 'dlt-original-packed', table.concat(packed) }
  else
    for i = 1, #own, 2 do
      if added[own[i]] or REPLAY_FIELDS[own[i]] or string.sub(own[i], 1, 4) == 'dlt-' then
        own[i] = 'dlt-original-field-' .. own[i]
      end
    end
  end
  for _, part in ipairs(of_replay) do
    own[#own + 1] = part
  end
  return own
end

-- How long a receipt says at a repeat of a step how the step ended, in ms.
local RECEIPT_MS = 60000

-- KEYS: stream, dead-letter stream, waiting list, receipt, notes of dead letters, notes of the group's dead-lettered
-- entries, keys of the writes. ARGV: group, owner, id, count, least idle time in ms, how often it was replayed before,
-- number of names and values to add, these, number of names and values of the entry as the caller holds it (used only
-- when the stream has lost it; 0 when the caller holds nothing), these, the writes. An entry that the group
-- dead-lettered before is a 'duplicate', whatever became of its dead letter.
local function dead_letter(keys, args)
  local stream, letters, waiting, receipt, group, id = keys[1], keys[2], keys[3], keys[4], args[1], args[3]
  local letter_notes, ended, replays = keys[5], keys[6], args[6]
  local at = 7
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
    or type_error(letter_notes, 'zset')
    or type_error(ended, 'zset')
    or writes_error(writes, { stream, letters, waiting, receipt, letter_notes, ended }, {})
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
  local is_ended = redis.call('ZSCORE', ended, id)
  local entry = not is_ended and redis.call('XRANGE', stream, id, id)[1]
  local fields = entry and entry[2] or held
  if #fields == 0 and not is_ended then
    return { 'vanished' }
  end
  if is_contradicted(writes) then
    writes = {} -- the entry is not what the application's records are about: it ends by itself
  end
  if is_ended or is_prevented(writes) then
    redis.call('XACK', stream, group, id)
    redis.call('ZREM', waiting, id)
    return { 'duplicate' }
  end
  local letter = original_fields(fields, names, replays ~= '0')
  for _, part in ipairs(added) do
    letter[#letter + 1] = part
  end
  letter[#letter + 1] = 'dlt-replays'
  letter[#letter + 1] = replays
  local letter_id = redis.call('XADD', letters, '*', unpack(letter))
  redis.call('XACK', stream, group, id)
  redis.call('ZREM', waiting, id)
  redis.call('SET', receipt, letter_id, 'PX', RECEIPT_MS)
  note_id(letter_notes, letter_id)
  note_id(ended, id)
  apply_writes(writes, letter_id)
  return { 'done', letter_id }
end

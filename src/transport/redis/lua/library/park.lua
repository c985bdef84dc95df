-- Parking: entries that failed wait for their next attempt on the waiting list, many in one call.
-- uses: entries, application-writes, write-checks, commit-forms

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

-- KEYS: stream, waiting list, keys of the writes. ARGV: group, consumer, the least and the greatest id of the entries,
-- as JSON for each entry in turn: id, count, delay in ms, the place of its writes in ARGV (0 for none); then the writes
-- of each. Each is checked and parked by itself. Answers 'done' when all are, else for each how it ended, or why it
-- cannot be, with nothing written.
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

-- Commits: writes, events and the acknowledgement of an entry in one step, many in one call.
-- uses: entries, commit-forms

-- How long a receipt says at a repeat of commits how they ended, in ms. There are only a few for each consumer.
local COMMIT_RECEIPT_MS = 86400000

-- Most entries that one call trims from a stream of follow-up events.
local FOLLOW_UP_PAGE = 1000

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

-- KEYS: stream, receipt, streams of the events, then for each commit that of its guard and those of its writes. ARGV:
-- group, consumer, number of this call, most entries and greatest age in ms of a stream that events go to and no group
-- reads, the least and the greatest id of the entries, the forms as read_forms has them, then as one JSON list for each
-- commit: id; of its guard what that must hold, what it is set to and for how many ms; names and values of its events;
-- arguments of its writes. Each is checked and applied by itself. Answers 'done' when all are, else for each: 'done';
-- 'duplicate', acknowledged without its writes; 'gone', 'taken', 'vanished', 'superseded', or why it cannot be, with
-- nothing written.
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

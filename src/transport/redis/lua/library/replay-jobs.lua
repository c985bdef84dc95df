-- The record of a job that replays many dead letters, and the lease of the process that carries it out.
-- uses: entries, rights, dead-letters

local function job_error(job, audit_key)
  return type_error(job, 'hash')
    or type_error(audit_key, 'stream')
    or denied_error({
      { 'HSET', job, 'field', 'value', 'field without a value' },
      { 'HGET', job, 'id' },
      { 'HMGET', job, 'id' },
      { 'HINCRBY', job, 'id', 'x' },
      { 'XADD', audit_key, '0-0', 'a', 'b' },
      { 'XTRIM', audit_key, 'MAXLEN', 'x' },
    })
end

-- KEYS: job, audit stream. ARGV: id of the job, the audit, number of names and values of the job, these. Begins the
-- job, unless one runs. Answers 'done', or 'busy' and the id of the job that runs.
local function start_job(keys, args)
  local job, audit_key = keys[1], keys[2]
  local audit, at = parse_audit(args, 2)
  local problem = job_error(job, audit_key)
  if problem then
    return raise(problem)
  end
  local current, state = unpack(redis.call('HMGET', job, 'id', 'state'))
  if current == args[1] then
    return { 'done' }
  end
  if state == 'running' then
    return { 'busy', current }
  end
  redis.call('HSET', job, 'id', args[1], 'state', 'running', unpack(args, at + 1, at + tonumber(args[at])))
  write_audit(audit_key, audit)
  return { 'done' }
end

-- KEYS: job. ARGV: id of the job, where it stood, where it stands, how many were skipped between, how many of them
-- because they are foreign. Notes how far the job has come. Answers 1 while it runs, else 0.
local function advance_job(keys, args)
  local problem = type_error(keys[1], 'hash')
  if problem then
    return raise(problem)
  end
  local id, state, cursor = unpack(redis.call('HMGET', keys[1], 'id', 'state', 'cursor'))
  if id ~= args[1] or state ~= 'running' then
    return 0
  end
  if cursor == args[2] then
    redis.call('HSET', keys[1], 'cursor', args[3], 'problem', '')
    redis.call('HINCRBY', keys[1], 'skipped', args[4])
    redis.call('HINCRBY', keys[1], 'foreign', args[5])
  end
  return 1
end

-- KEYS: job. ARGV: id of the job, what keeps it from going on ('' for nothing). Notes it. Answers 1.
local function report_problem(keys, args)
  local problem = type_error(keys[1], 'hash')
  if problem then
    return raise(problem)
  end
  if redis.call('HGET', keys[1], 'id') == args[1] then
    redis.call('HSET', keys[1], 'problem', args[2])
  end
  return 1
end

-- KEYS: job, audit stream. ARGV: id of the job, how it ends, when, the audit. Ends the job, unless it has ended.
-- Answers the state that it is in, or 'missing'.
local function end_job(keys, args)
  local job, audit_key = keys[1], keys[2]
  local audit = parse_audit(args, 4)
  local problem = job_error(job, audit_key)
  if problem then
    return raise(problem)
  end
  local id, state, replayed, skipped = unpack(redis.call('HMGET', job, 'id', 'state', 'replayed', 'skipped'))
  if id ~= args[1] then
    return 'missing'
  end
  if state ~= 'running' then
    return state
  end
  redis.call('HSET', job, 'state', args[2], 'endedAt', args[3], 'problem', '')
  write_audit(audit_key, audit, 'replayed', replayed or '0', 'skipped', skipped or '0')
  return args[2]
end

-- KEYS: lease. ARGV: who, for how many ms; 0 gives it back. Takes, keeps or ends the lease. Answers 1 when it is
-- theirs, or was until they gave it back, else 0.
local function hold_lease(keys, args)
  local problem = type_error(keys[1], 'string')
  if problem then
    return raise(problem)
  end
  local holder = redis.call('GET', keys[1])
  if holder and holder ~= args[1] then
    if args[2] ~= '0' then -- its end may lie in the future of a clock that was set back: no lease lasts longer
      redis.call('PEXPIRE', keys[1], args[2], 'LT')
    end
    return 0
  end
  if args[2] ~= '0' then
    redis.call('SET', keys[1], args[1], 'PX', args[2])
  elseif holder then
    redis.call('PEXPIRE', keys[1], 0)
  end
  return 1
end

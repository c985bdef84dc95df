-- Whether this user of Redis may use the commands of a step.
-- uses: entries, application-writes

-- Redis words it in several ways, by version.
local function is_denied(message)
  return string.find(message, 'permission') or string.find(message, "can't run") or string.find(message, "can't access")
end

local function denied_commands(attempts)
  local denied, named = {}, {}
  for _, attempt in ipairs(attempts) do
    local name, answer = string.lower(attempt[1]), redis.pcall(unpack(attempt))
    if type(answer) == 'table' and answer.err and is_denied(answer.err) and not named[name] then
      denied[#denied + 1] = name
      named[name] = true
    end
  end
  return denied
end

local function denied_error(attempts)
  local denied = denied_commands(attempts)
  return denied[1] and 'NOPERM this user may not use ' .. table.concat(denied, ', ') or nil
end

-- KEYS: stream, waiting list, dead-letter stream, a key that nobody uses, the notes of all kinds. ARGV: group, '1' if
-- writes of the application travel with settlements. A right that is missing in the middle of a function leaves half a
-- step, so each command is tried beforehand, in a form that changes nothing.
local function check_rights(keys, args)
  local attempts = {
    { 'XADD', keys[3], '0-0', 'a', 'b' },
    { 'XRANGE', keys[3], 'x', '+' },
    { 'XLEN', keys[3] },
    { 'XACK', keys[1], args[1], '0-0' },
    { 'XCLAIM', keys[1], args[1], PARKING, 0, 'x' },
    { 'XPENDING', keys[1], args[1], '-', '+', 'x' },
    { 'XRANGE', keys[1], 'x', '+' },
    { 'XLEN', keys[1] },
    { 'XINFO', 'GROUPS', keys[1] },
    { 'XINFO', 'STREAM', keys[1] },
    { 'XTRIM', keys[1], 'MAXLEN', 'x' },
    { 'XGROUP', 'CREATE', keys[1], args[1], 'x' },
    { 'XGROUP', 'DELCONSUMER', keys[1], args[1] .. '\0', 'x' },
    { 'ZADD', keys[2], 'x', 'x' },
    { 'ZREM', keys[2], '' },
    { 'ZSCORE', keys[2], '' },
    { 'ZCARD', keys[2] },
    { 'ZRANGEBYSCORE', keys[2], 'x', 'x' },
    { 'GET', keys[4] },
    { 'SET', keys[4], 'x', 'PX', '0' },
    { 'TYPE', keys[1] },
    { 'TIME' },
  }
  for i = 5, #keys do
    table.insert(attempts, { 'ZADD', keys[i], 'x', 'x' })
    table.insert(attempts, { 'ZREM', keys[i], '' })
    table.insert(attempts, { 'ZSCORE', keys[i], '' })
    table.insert(attempts, { 'ZCARD', keys[i] })
    table.insert(attempts, { 'ZRANGEBYSCORE', keys[i], 'x', 'x' })
  end
  local missing = denied_commands(attempts)
  if args[2] == '1' then
    local named = {}
    for _, offer in pairs(OFFERED) do
      for _, use in ipairs(offer.uses) do
        local name = string.lower(use[1])
        if not named[name] and not may(use[1], keys[4], unpack(use, 2)) then
          missing[#missing + 1] = name
          named[name] = true
        end
      end
    end
  end
  return missing
end

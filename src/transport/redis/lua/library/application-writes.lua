-- The writes of the application that travel with a step: which there are, what each needs, how they are read.
-- uses: nothing

-- By command: the type that its key must have, how many arguments it takes at least and at most, whether in pairs, and
-- the commands of Redis that it is made of. HSETNX and DEL are written with others, so that they need no right of
-- their own.
local OFFERED = {
  hset = { type = 'hash', least = 2, most = 1000, pairs = true, uses = { { 'HSET', 'f', 'v' } } },
  hsetnx = { type = 'hash', least = 2, most = 2, uses = { { 'HEXISTS', 'f' }, { 'HSET', 'f', 'v' } } },
  hdel = { type = 'hash', least = 1, most = 1000, uses = { { 'HDEL', 'f' } } },
  hincrby = { type = 'hash', least = 2, most = 2, uses = { { 'HGET', 'f' }, { 'HINCRBY', 'f', '1' } } },
  set = { type = 'any', least = 1, most = 1, uses = { { 'SET', 'v' } } },
  del = { type = 'any', least = 0, most = 0, uses = { { 'PEXPIRE', '0' } } },
  pexpire = { type = 'any', least = 1, most = 1, uses = { { 'PEXPIRE', '1' } } },
  incrby = { type = 'string', least = 1, most = 1, uses = { { 'GET' }, { 'INCRBY', '1' } } },
  sadd = { type = 'set', least = 1, most = 1000, uses = { { 'SADD', 'v' } } },
  srem = { type = 'set', least = 1, most = 1000, uses = { { 'SREM', 'v' } } },
  zadd = { type = 'zset', least = 2, most = 1000, pairs = true, uses = { { 'ZADD', '1', 'v' } } },
  zrem = { type = 'zset', least = 1, most = 1000, uses = { { 'ZREM', 'v' } } },
  rpush = { type = 'list', least = 1, most = 1000, uses = { { 'RPUSH', 'v' } } },
  lpush = { type = 'list', least = 1, most = 1000, uses = { { 'LPUSH', 'v' } } },
  -- No write but a condition: where the field is there, the step acknowledges its entry and does nothing else.
  onlyifabsent = { type = 'hash', least = 1, most = 1, uses = { { 'HEXISTS', 'f' } } },
  -- No write but a condition: where the field holds something else, none of the writes is made.
  onlyifsame = { type = 'hash', least = 2, most = 2, uses = { { 'HGET', 'f' } } },
}

-- Commands that leave a key where there was none, or leave it as it is.
local MAKES_KEY = { hset = true, hsetnx = true, hincrby = true, incrby = true, sadd = true, zadd = true, rpush = true, lpush = true }

-- A right that is missing in the middle of a function leaves half a step, so Redis is asked beforehand.
local function may(command, key, ...)
  return redis.acl_check_cmd(command, key, ...)
end

local function denial(command, key)
  for _, use in ipairs(OFFERED[command].uses) do
    if not may(use[1], key, unpack(use, 2)) then
      return 'NOPERM this user may not use ' .. string.lower(use[1]) .. ' on "' .. key .. '"'
    end
  end
  return nil
end

-- Which keys have counters: of these alone it must be known what earlier writes leave. And what is no write but a
-- condition.
local function note_write(writes, write)
  if write.command == 'incrby' or write.command == 'hincrby' then
    writes.counted = writes.counted or {}
    writes.counted[write.key] = true
  elseif write.command == 'onlyifabsent' then
    writes.conditions = writes.conditions or {}
    table.insert(writes.conditions, write)
  elseif write.command == 'onlyifsame' then
    writes.claims = writes.claims or {}
    table.insert(writes.claims, write)
  end
end

-- ARGV from `at` on: their number, then for each the command, the index of its key, the number of its arguments, and
-- the arguments: '=text' as it is, '#' for the id of the entry that this step adds.
local function parse_writes(keys, args, at)
  local writes, count = {}, tonumber(args[at])
  at = at + 1
  for w = 1, count do
    local write = { command = args[at], key = keys[tonumber(args[at + 1])], args = {} }
    for i = 1, tonumber(args[at + 2]) do
      local arg = args[at + 2 + i]
      write.args[i] = arg ~= '#' and string.sub(arg, 2)
    end
    at = at + 3 + #write.args
    writes[w] = write
    note_write(writes, write)
  end
  return writes
end

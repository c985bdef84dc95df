-- Whether writes of the application can all be made, looked at before the first of them, and making them.
-- uses: application-writes

-- Whether Redis takes a text for an integer of 64 bits.
local function is_integer(text)
  if text == '0' then
    return true
  end
  local sign, digits = string.match(text or '', '^(%-?)([1-9]%d*)$')
  if not digits or #digits > 19 then
    return false
  end
  return #digits < 19 or digits <= (sign == '-' and '9223372036854775808' or '9223372036854775807')
end

local HALF = 1e10 -- a double holds half of the digits of a 64-bit integer exactly

local function halves(text)
  local sign, digits = string.match(text, '^(%-?)(%d+)$')
  local factor = sign == '-' and -1 or 1
  return factor * (tonumber(string.sub(digits, 1, -11)) or 0), factor * tonumber(string.sub(digits, -10))
end

-- The sum of two integers as text; one that does not fit into 64 bits is no integer for is_integer.
local function sum_of(a, b)
  if #a < 16 and #b < 16 then
    return string.format('%.0f', tonumber(a) + tonumber(b))
  end
  local a_high, a_low = halves(a)
  local b_high, b_low = halves(b)
  local low = a_low + b_low
  local high = a_high + b_high + math.floor(low / HALF)
  low = low % HALF
  local sign = ''
  if high < 0 then
    sign = '-'
    high = -high
    if low > 0 then
      high = high - 1
      low = HALF - low
    end
  end
  if high > 0 then
    return sign .. string.format('%.0f%010.0f', high, low)
  end
  return (low > 0 and sign or '') .. string.format('%.0f', low)
end

local function is_score(text)
  if not text then
    return false
  end
  if text == 'inf' or text == '-inf' or (#text < 16 and string.find(text, '^%-?%d+$')) then
    return true
  end
  local mantissa = string.match(text, '^[+-]?(%d+%.?%d*)$') or string.match(text, '^[+-]?(%d+%.?%d*)[eE][+-]?%d+$')
  local number = mantissa and tonumber(text)
  if not number or number == math.huge or number == -math.huge then
    return false
  end
  return number ~= 0 or not string.find(mantissa, '[1-9]')
end

-- What the writes of a step would find: the type of a key, its value and those of its fields, as earlier writes of the
-- same step leave them. `fresh` are keys of which nothing that Redis holds is left by then.
local function held_value(known, key)
  if known.values[key] == nil then
    known.values[key] = not known.fresh[key] and redis.call('GET', key)
  end
  return known.values[key]
end

local function held_field(known, key, field)
  local fields = known.fields[key] or {}
  known.fields[key] = fields
  if fields[field] == nil then
    fields[field] = not known.fresh[key] and redis.call('HGET', key, field)
  end
  return fields[field]
end

-- Why a counter cannot be counted up; `known` has its new value otherwise.
local function count_error(write, known)
  local is_field = write.command == 'hincrby'
  local where = 'UNUSABLE write: ' .. write.command .. ' of "' .. write.key .. '"'
  local by = write.args[1]
  if is_field then
    where = where .. ', field "' .. (write.args[1] or '') .. '"'
    by = write.args[2]
  end
  if not is_integer(by) then
    return where .. ': the increment is not an integer of 64 bits'
  end
  local held = is_field and held_field(known, write.key, write.args[1]) or not is_field and held_value(known, write.key)
  if held and not is_integer(held) then
    return where .. ': what it holds is not an integer of 64 bits'
  end
  local sum = sum_of(held or '0', by)
  if not is_integer(sum) then
    return where .. ': the sum does not fit into 64 bits'
  end
  if is_field then
    known.fields[write.key][write.args[1]] = sum
  else
    known.values[write.key] = sum
  end
  return nil
end

local function note_fields(write, known)
  local key, args = write.key, write.args
  local fields = known.fields[key] or {}
  known.fields[key] = fields
  if write.command == 'hset' then
    for i = 1, #args, 2 do
      fields[args[i]] = args[i + 1] or '#'
    end
  elseif write.command == 'hdel' then
    for _, field in ipairs(args) do
      fields[field] = false
    end
  elseif write.command == 'hsetnx' and not held_field(known, key, args[1]) then
    fields[args[1]] = args[2] or '#'
  end
end

-- Why a counter cannot be counted up, or nil; `known` has what the write leaves then.
local function note(write, known, is_counted)
  local command, key = write.command, write.key
  if command == 'incrby' or command == 'hincrby' then
    return count_error(write, known)
  elseif command == 'set' or command == 'del' then
    known.fresh[key] = true
    known.fields[key] = nil
    known.values[key] = command == 'set' and (write.args[1] or '#')
  elseif is_counted and OFFERED[command].type == 'hash' then
    note_fields(write, known)
  end
  return nil
end

local function argument_error(write, offer)
  local count = #write.args
  local function refused(problem)
    return 'UNUSABLE write: ' .. write.command .. ' of "' .. write.key .. '": ' .. problem
  end
  if count < offer.least or count > offer.most or (offer.pairs and count % 2 == 1) then
    return refused('it cannot take ' .. count .. ' arguments')
  end
  if write.command == 'zadd' then
    for i = 1, count, 2 do
      if not is_score(write.args[i]) then
        return refused('a score is not a number')
      end
    end
  elseif write.command == 'pexpire' then
    local ms = is_integer(write.args[1]) and tonumber(write.args[1])
    if not ms or ms < 0 or ms > 9007199254740991 then
      return refused('the time is not a number of milliseconds')
    end
  end
  return nil
end

-- Why these writes cannot all be made, or nil. `own` are the keys of the step itself, `types` what is known of the
-- types of keys, and is brought up to date.
local function writes_error(writes, own, types)
  local known = writes.counted and { values = {}, fields = {}, fresh = {} }
  for _, write in ipairs(writes) do
    local command, key = write.command, write.key
    local offer = OFFERED[command]
    if not offer then
      return 'UNUSABLE write: "' .. tostring(command) .. '" is not offered'
    end
    for _, taken in ipairs(own) do
      if key == taken then
        return 'UNUSABLE write: ' .. command .. ' of "' .. key .. '", which belongs to the transport'
      end
    end
    local problem = denial(command, key) or argument_error(write, offer)
    if problem then
      return problem
    end
    local found = types[key] or redis.call('TYPE', key).ok
    if offer.type ~= 'any' and found ~= 'none' and found ~= offer.type then
      return 'UNUSABLE write: ' .. command .. ' needs a ' .. offer.type .. ' at "' .. key .. '", found a ' .. found
    end
    types[key] = MAKES_KEY[command] and offer.type or found
    if command == 'set' then
      types[key] = 'string'
    elseif command == 'del' then
      types[key] = 'none'
    end
    problem = known and note(write, known, writes.counted[key])
    if problem then
      return problem
    end
  end
  return nil
end

-- Whether a condition does not hold. To be asked when writes_error found nothing.
local function is_prevented(writes)
  for _, condition in ipairs(writes.conditions or {}) do
    if redis.call('HEXISTS', condition.key, condition.args[1]) == 1 then
      return true
    end
  end
  return false
end

-- Whether a field holds something else than it may. To be asked when writes_error found nothing.
local function is_contradicted(writes)
  for _, claim in ipairs(writes.claims or {}) do
    local held = redis.call('HGET', claim.key, claim.args[1])
    if held and held ~= claim.args[2] then
      return true
    end
  end
  return false
end

local CONTRADICTED = 'CONTRADICTED what the entry claims is not what is held: nothing was written'

local function apply_writes(writes, entry_id)
  for _, write in ipairs(writes) do
    local args = write.args
    for i = 1, #args do
      args[i] = args[i] or entry_id or ''
    end
    if write.command == 'hsetnx' then
      if redis.call('HEXISTS', write.key, args[1]) == 0 then
        redis.call('HSET', write.key, unpack(args))
      end
    elseif write.command == 'del' then
      redis.call('PEXPIRE', write.key, 0)
    elseif write.command ~= 'onlyifabsent' and write.command ~= 'onlyifsame' then
      redis.call(write.command, write.key, unpack(args))
    end
  end
end

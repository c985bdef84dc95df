-- KEYS: stream, floor. ARGV: group. Makes the group if it is not there: at its floor, so that what is done is not
-- repeated; at 0 when it never was, or when the stream began anew.
local function ensure_group(keys, args)
  local stream, floor_key, group = keys[1], keys[2], args[1]
  local problem = type_error(stream, 'stream') or type_error(floor_key, 'string')
  if problem then
    return raise(problem)
  end
  if group_named(stream, group) then
    return 'exists'
  end
  local start = '0'
  local floor = redis.call('GET', floor_key)
  if floor and split_id(floor) and redis.call('TYPE', stream).ok == 'stream' then
    local last = to_map(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
    if not id_less(last, floor) then
      start = floor
    end
  end
  redis.call('XGROUP', 'CREATE', stream, group, start, 'MKSTREAM')
  return start
end

-- KEYS: stream, floor. ARGV: group.
local function keep_floor(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'string')
  if problem then
    return raise(problem)
  end
  local group = group_named(keys[1], args[1])
  if not group then
    return false
  end
  local floor = floor_of(keys[1], group)
  redis.call('SET', keys[2], floor)
  return floor
end

-- The group of a stream: made where it is missing, the place that it is made again at, and whether it can be given an
-- order.
-- uses: entries, unread

-- KEYS: stream, floor, notes of replayed entries, notes of the group's dead-lettered entries, what is known of the
-- unread. ARGV: group, consumer. Makes the group if it is not there: at its floor, so that what is done is not
-- repeated; at 0 when it never was, or when the stream began again: its ids may come again too, so nothing is known of
-- them. Answers where it begins, or 'exists', and whether the group had been lost.
local function ensure_group(keys, args)
  local stream, floor_key, group = keys[1], keys[2], args[1]
  local problem = type_error(stream, 'stream') or type_error(floor_key, 'string')
    or type_error(keys[3], 'zset') or type_error(keys[4], 'zset') or type_error(keys[5], 'string')
  if problem then
    return raise(problem)
  end
  if group_named(stream, group) then
    begin_unread(keys[5], args[2], false)
    return { 'exists', 0 }
  end
  local start = '0'
  local floor = redis.call('GET', floor_key)
  local began_again = redis.call('TYPE', stream).ok == 'none'
  if floor and split_id(floor) and not began_again then
    local last = to_map(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
    began_again = id_less(last, floor)
    start = began_again and '0' or floor
  end
  if began_again then
    while forget(keys[3], '+inf') or forget(keys[4], '+inf') do end
  end
  redis.call('XGROUP', 'CREATE', stream, group, start, 'MKSTREAM')
  local was_known = begin_unread(keys[5], args[2], true)
  return { start, (was_known or floor) and 1 or 0 }
end

-- KEYS: stream, floor. ARGV: group. Notes the id below which the group needs nothing any more. Answers it, or nothing
-- where there is no group.
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

-- KEYS: stream, a key to write to. ARGV: group, ms after which that expires. Does what an order needs: refused, as that
-- would be, when Redis takes no writes or no function runs. Answers what else stands in the way, or 'ready'.
local function probe(keys, args)
  local problem = type_error(keys[1], 'stream') or type_error(keys[2], 'string')
  if problem then
    return raise(problem)
  end
  redis.call('SET', keys[2], '1', 'PX', args[2])
  local group = group_named(keys[1], args[1])
  if not group then
    return 'group-missing'
  end
  local last = to_map(redis.call('XINFO', 'STREAM', keys[1]))['last-generated-id']
  if last == GREATEST_ID then
    return 'stream-full'
  end
  return id_less(last, group['last-delivered-id']) and 'group-beyond-end' or 'ready'
end

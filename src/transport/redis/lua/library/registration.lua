-- The functions as Redis knows them.
-- uses: intake, unread, groups, settlement, markers, claims, dead-lettering, commit, park, upkeep, clock, rights, dead-letters,
--   letter-pages, replay-jobs

local function register(name, callback, flags)
  redis.register_function({ function_name = '@version@_' .. name, callback = callback, flags = flags })
end

-- Recovery and dead-lettering must go on when Redis is out of memory; only intake and commits wait.
register('enqueue', enqueue, {})
register('enqueue_all', enqueue_all, {})
register('enqueue_once', enqueue_once, {})
register('commit', commit, {})
register('ensure_group', ensure_group, { 'allow-oom' })
register('keep_floor', keep_floor, { 'allow-oom' })
register('extend', extend, { 'allow-oom' })
register('park', park, { 'allow-oom' })
register('release', release, { 'allow-oom' })
register('put_off', put_off, { 'allow-oom' })
-- Without memory no handler begins: its commit would be refused.
register('begin', begin, {})
register('claim_due', claim_due, { 'allow-oom' })
register('claim_abandoned', claim_abandoned, { 'allow-oom' })
register('dead_letter', dead_letter, { 'allow-oom' })
register('settle', settle, { 'allow-oom' })
register('repair_parked', repair_parked, { 'allow-oom' })
register('repair_waiting', repair_waiting, { 'allow-oom' })
register('free_future', free_future, { 'allow-oom' })
register('forget_notes', forget_notes, { 'allow-oom' })
register('announce', announce, { 'allow-oom' })
register('reap_consumer', reap_consumer, { 'allow-oom' })
register('trim', trim, { 'allow-oom' })
register('cap', cap, { 'allow-oom' })
register('watch_unread', watch_unread, { 'allow-oom' })
-- It is to be refused when an order would be.
register('probe', probe, {})
register('check_rights', check_rights, { 'allow-oom' })
register('read_page', read_page, { 'no-writes' })
register('replay', replay, {})
register('discard', discard, { 'allow-oom' })
register('start_job', start_job, {})
register('advance_job', advance_job, { 'allow-oom' })
register('report_problem', report_problem, { 'allow-oom' })
register('end_job', end_job, { 'allow-oom' })
register('hold_lease', hold_lease, { 'allow-oom' })

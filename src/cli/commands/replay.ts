import { setTimeout as delay } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { ReplayedDto } from '../../operations/dead-letters/dto/answers.dto.js';
import type {
  CurrentReplayJobDto,
  DryRunDto,
  ReplayJobDto,
} from '../../operations/dead-letters/dto/replay-job.dto.js';
import { plain, table } from '../output.js';
import { ServiceError, UnreachableError } from '../service-api.js';
import { sessionOf, wholeNumber, type Session } from '../session.js';
import { filterIn, withFilter, type FilterOptions } from './filter-options.js';

const LOOK_EVERY_MS = 250;
/** Looks in vain, one after the other, after which it is given up. */
const MOST_FAILURES = 60;

interface ReplayOptions extends FilterOptions {
  readonly all?: boolean;
  readonly rate?: number;
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly payload?: string;
  readonly stream?: string;
  readonly why?: string;
}

/** Adds `replay`, `progress` and `cancel`. */
export function addReplay(deadLetters: Command): void {
  withFilter(deadLetters.command('replay [id...]'))
    .description('put dead letters back into their stream: those named, or all that are meant')
    .option('--all', 'as a job: all that the filter means; without one, all of them')
    .option('--rate <number>', 'entries a second', wholeNumber(1, 10_000))
    .option('--dry-run', 'only count them and show a few')
    .option('--detach', 'do not wait for the job')
    .option('--payload <json>', 'goes back in place of the payload of the one that is named')
    .option('--stream <stream>', 'where those named go; needed for what is foreign')
    .option('--why <reason>', 'why; kept in the audit')
    .action(async (ids: string[], options: ReplayOptions, command: Command) => {
      const problem = contradictionIn(ids, options);
      if (problem !== undefined) command.error(`error: ${problem}`);
      const session = sessionOf(command);
      if (options.all !== true) await replayEach(session, ids, options);
      else if (options.dryRun === true) await dryRun(session, options);
      else await replayAll(session, options);
    });
  deadLetters
    .command('progress')
    .description('show the job that runs, or the last one that did')
    .action(async (_, command: Command) => {
      const { api, output } = sessionOf(command);
      const { current } = await api.get<CurrentReplayJobDto>('/dead-letters/replay');
      output.show(current, () => (current ? jobText(current) : 'No job ever ran'));
    });
  deadLetters
    .command('cancel <job>')
    .description('end a job; what it replayed stays replayed')
    .action(async (job: string, _, command: Command) => {
      const { api, output } = sessionOf(command);
      const ended = await api.delete<ReplayJobDto>(`/dead-letters/replay/${encodeURIComponent(job)}`);
      output.show(ended, () => jobText(ended));
    });
}

function contradictionIn(ids: readonly string[], options: ReplayOptions): string | undefined {
  const { all = false, payload, stream } = options;
  const { rate, dryRun, detach } = options;
  const isForAll =
    [rate, dryRun, detach].some((each) => each !== undefined) || Object.keys(filterIn(options)).length > 0;
  if (all && ids.length > 0) return 'name dead letters, or say --all, not both';
  if (!all && ids.length === 0) return 'name a dead letter, or say --all';
  if (!all && isForAll) return 'filters, --rate, --dry-run and --detach go with --all';
  if (payload !== undefined && (all || ids.length !== 1)) return '--payload goes with one dead letter';
  if (stream !== undefined && all) return '--stream goes with dead letters that are named';
  if (payload !== undefined && !isJson(payload)) return '--payload must be JSON';
  return undefined;
}

async function replayEach(
  { api, output }: Session,
  ids: readonly string[],
  { payload, stream, why }: ReplayOptions,
): Promise<void> {
  const body = {
    ...(payload !== undefined && { payload: JSON.parse(payload) as unknown }),
    ...(stream !== undefined && { stream }),
    ...(why !== undefined && { reason: why }),
  };
  for (const id of ids) {
    const { entryId } = await api.post<ReplayedDto>(`/dead-letters/${encodeURIComponent(id)}/replay`, body);
    output.show({ id, entryId }, () => `${plain(id)} went back as ${plain(entryId)}`);
  }
}

async function dryRun({ api, output }: Session, options: ReplayOptions): Promise<void> {
  const body = { filter: filterIn(options), dryRun: true };
  const answer = await api.post<DryRunDto>('/dead-letters/replay', body);
  const rows = answer.sample.map(({ id, orderId, reason, failedAt }) => [id, orderId, reason, failedAt]);
  output.show(
    answer,
    () =>
      `${answer.totalComplete ? '' : 'more than '}${answer.total} would be replayed, the oldest first${foreignText(answer.foreign)}\n` +
      table(['id', 'order', 'reason', 'failed at'], rows),
  );
}

async function replayAll({ api, output }: Session, options: ReplayOptions): Promise<void> {
  const { rate, why, detach = false } = options;
  let job = await api.post<ReplayJobDto>('/dead-letters/replay', {
    filter: filterIn(options),
    ...(rate !== undefined && { ratePerSecond: rate }),
    ...(why !== undefined && { reason: why }),
  });
  if (!detach) job = await follow(api, job, !output.isJson);
  output.show(job, () => jobText(job));
}

/** The job runs in the service: whoever interrupts this only stops looking. */
async function follow(api: Session['api'], started: ReplayJobDto, withBar: boolean): Promise<ReplayJobDto> {
  const bar = new SingleBar({ format: '{bar} {value}/{total} replayed, {skipped} skipped' });
  let job = started;
  if (withBar) bar.start(job.total, 0, { skipped: 0 });
  try {
    for (let failures = 0; job.state === 'running';) {
      await delay(LOOK_EVERY_MS);
      try {
        job = await api.get<ReplayJobDto>(`/dead-letters/replay/${job.job}`);
        failures = 0;
      } catch (error) {
        // A service that is replaced is unavailable for a while; its job goes on.
        failures += 1;
        if (!isPassing(error) || failures > MOST_FAILURES) throw error;
      }
      if (withBar) bar.update(job.replayed, { skipped: job.skipped });
    }
    return job;
  } finally {
    bar.stop();
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ServiceError && error.status === 503);
}

function jobText({ job, state, replayed, total, repeated, skipped, foreign, problem }: ReplayJobDto): string {
  const text = `job ${plain(job)} ${plain(state)}: ${replayed} of ${total} replayed (${repeated} not for the first time), ${skipped} skipped${foreignText(foreign)}`;
  return problem === undefined ? text : `${text}\nIt cannot go on at present: ${plain(problem)}`;
}

/** Why a job left some where they are. */
function foreignText(foreign: number): string {
  return foreign === 0
    ? ''
    : `; ${foreign} are foreign and stay, unless you replay each by name with --stream`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

import type { Command } from 'commander';
import type {
  AuditPageDto,
  DeadLetterDetailDto,
  DeadLetterPageDto,
  TruncationDto,
} from '../../operations/dead-letters/dto/answers.dto.js';
import { details, plain, table } from '../output.js';
import { sessionOf, wholeNumber, type Session } from '../session.js';
import { addReplay } from './replay.js';
import { withFilter, type FilterOptions } from './filter-options.js';

const MESSAGE_WIDTH = 60;
const FOREIGN = 'yes: nothing proves that the service wrote it; all below is what its writer says';

/** Adds `dead-letters` and its commands. */
export function addDeadLetters(program: Command): void {
  const deadLetters = program.command('dead-letters').description('what failed for good');
  withFilter(deadLetters.command('list'))
    .description('list them, the newest first')
    .option('--limit <number>', 'how many at most', wholeNumber(1, 500), 50)
    .option('--cursor <id>', 'go on where an earlier list ended')
    .action(async (options: FilterOptions & { limit: number; cursor?: string }, command: Command) => {
      await list(sessionOf(command), options);
    });
  deadLetters
    .command('show <id>')
    .description('show one, whole unless it has more than 512 KiB')
    .action(async (id: string, _, command: Command) => {
      const { api, output } = sessionOf(command);
      const letter = await api.get<DeadLetterDetailDto>(`/dead-letters/${encodeURIComponent(id)}`);
      output.show(letter, () => letterText(letter));
    });
  addReplay(deadLetters);
  deadLetters
    .command('discard <id...>')
    .description('delete them for good; who and why is kept in the audit')
    .requiredOption('--why <reason>', 'why')
    .action(async (ids: string[], { why }: { why: string }, command: Command) => {
      const { api, output } = sessionOf(command);
      for (const id of ids) {
        await api.delete(`/dead-letters/${encodeURIComponent(id)}`, { reason: why });
        output.show({ id, discarded: true }, () => `${plain(id)} discarded`);
      }
    });
  deadLetters
    .command('audit')
    .description('show what was done with them and by whom, the newest first')
    .option('--limit <number>', 'how many at most', wholeNumber(1, 500), 50)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { api, output } = sessionOf(command);
      const page = await api.get<AuditPageDto>('/dead-letters/audit', { limit });
      const rows = page.items.map(({ at, action, by, details: more }) => [at, action, by, more]);
      output.show(page, () => table(['at', 'action', 'by', 'details'], rows));
    });
}

/** The service looks at a number of letters at a time and says where to go on; here that is one list. */
async function list(
  { api, output }: Session,
  { limit, cursor, ...filter }: FilterOptions & { limit: number; cursor?: string },
): Promise<void> {
  const found: DeadLetterPageDto = { items: [], nextCursor: cursor ?? null };
  do {
    const query = { ...filter, limit: limit - found.items.length, cursor: found.nextCursor ?? undefined };
    const page = await api.get<DeadLetterPageDto>('/dead-letters', query);
    found.items.push(...page.items);
    found.nextCursor = page.nextCursor;
  } while (found.nextCursor !== null && found.items.length < limit);
  output.show(found, () => listText(found));
}

function listText({ items, nextCursor }: DeadLetterPageDto): string {
  if (items.length === 0) return 'No dead letters';
  const rows = items.map(
    ({ id, failedAt, orderId, reason, deliveryCount, replays, exception, foreign, truncated }) => {
      const message = `${exception.name}: ${exception.message}`.slice(0, MESSAGE_WIDTH);
      const shown = exception.name === '' ? '' : message;
      const order = truncated ? `truncated: ${truncated.bytes} bytes` : orderId;
      return [id, failedAt, order, reason, deliveryCount, replays, foreign ? 'yes' : '', shown];
    },
  );
  const head = ['id', 'failed at', 'order', 'reason', 'deliveries', 'replays', 'foreign', 'exception'];
  return table(head, rows) + (nextCursor === null ? '' : `\nMore: --cursor ${plain(nextCursor)}`);
}

function truncationText({ bytes, omittedFields }: TruncationDto): string {
  return `it has ${bytes} bytes; long values are cut, ${omittedFields} fields are not shown`;
}

function letterText(letter: DeadLetterDetailDto): string {
  const { exception, history } = letter;
  return details([
    ...[['id', letter.id] as const, ['order', letter.orderId] as const, ['reason', letter.reason] as const],
    ['foreign', letter.foreign ? FOREIGN : undefined],
    ['truncated', letter.truncated && truncationText(letter.truncated)],
    ...[['failed at', letter.failedAt] as const, ['deliveries', letter.deliveryCount] as const],
    ['came from', `${letter.stream} ${letter.originalId}, group ${letter.group}, ${letter.consumer}`],
    ['replays', letter.replays],
    ...history.map(
      (step) => ['earlier', `${step.failedAt} as ${step.deadLetterId}, replayed as ${step.entryId}`] as const,
    ),
    ['exception', `${exception.name}: ${exception.message}`],
    ['cause', exception.cause],
    ['headers', letter.headers],
    ['payload', letter.payload ?? letter.rawPayload ?? letter.fields],
    ['stack', exception.stacktrace],
  ]);
}

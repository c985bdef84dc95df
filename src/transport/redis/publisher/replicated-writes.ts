import type { ChainableCommander, Command, Redis } from 'ioredis';
import { askedNode } from '../links/cluster-nodes.js';
import type { Reply } from './emit-part.js';
import { NotReplicatedError } from '../../entry/client-errors.js';
import { helperKeyOf } from '../../entry/names.js';

/** How many replicas must have a write before it counts, and how long they may take. */
export interface WaitReplicas {
  /**
   * Replicas that must confirm each entry, 1 or more. All that can be promoted: nothing confirmed is lost, and nothing
   * is confirmed while one is unavailable. Fewer: a replica that did not confirm may be promoted; Sentinel prefers the one that
   * has most when the master died, and not when `SENTINEL FAILOVER` replaces one that works. More than exist: nothing is
   * ever confirmed.
   */
  count: number;
  /**
   * Milliseconds that they may take; below `emitTimeoutMs`. Too short refuses entries that are safe a moment later;
   * too long keeps callers waiting while a replica is unavailable.
   */
  timeoutMs: number;
}

type Results = NonNullable<Awaited<ReturnType<ChainableCommander['exec']>>>;

/** How long the mark of a batch stays, in milliseconds. */
const MARK_TTL_MS = 60_000;

/**
 * Sends writes that count once enough replicas have them: in one pipeline that ends with WAIT, which holds up whatever
 * follows on its link. On a cluster all of them have one slot.
 *
 * WAIT speaks of the writes of its own link. It does not work inside MULTI or a function.
 *
 * @param make - makes the commands, for each time that they are sent
 * @param stream - where one of them writes to
 * @param hasCalls - whether one of them may find that it was carried out before
 */
export async function sendReplicated(
  redis: Redis,
  wait: WaitReplicas,
  { make, stream, hasCalls }: { make: () => Command[]; stream: string; hasCalls: boolean },
): Promise<Reply[]> {
  const write = async (pipeline: ChainableCommander, asking = false): Promise<[Results, number]> => {
    const asks: number[] = [];
    const ask = (): void => {
      if (asking) asks.push(pipeline.asking().length - 1);
    };
    const commands = make();
    for (const command of commands) {
      ask();
      (pipeline as unknown as { sendCommand(command: Command): void }).sendCommand(command);
    }
    // A function may find that an earlier call wrote already, over another link: a write of this one's own makes WAIT
    // speak of everything up to now.
    if (hasCalls) {
      ask();
      pipeline.set(helperKeyOf(stream, 'wait'), '1', 'PX', MARK_TTL_MS);
    }
    pipeline.wait(wait.count, wait.timeoutMs);
    const results = (await pipeline.exec()) ?? [];
    return [results.filter((_result, index) => !asks.includes(index)), commands.length];
  };
  let [results, count] = await write(redis.pipeline());
  // While a slot moves, ioredis follows no pipeline in which WAIT succeeded.
  const asked = redis.isCluster ? askedNode(redis, results[0]?.[0]) : undefined;
  if (asked) [results, count] = await write(asked.pipeline(), true);
  const trouble = results.slice(count).find(([error]) => error !== null)?.[0] ?? undefined;
  const confirmed = trouble === undefined ? (results.at(-1)?.[1] as number) : undefined;
  return results.slice(0, count).map(([error, reply]) => {
    if (error) return { error };
    if (confirmed !== undefined && confirmed >= wait.count) return { reply };
    return { error: new NotReplicatedError(stream, wait.count, confirmed, { cause: trouble }) };
  });
}

import type { Redis } from 'ioredis';
import type { StreamEntry } from '../../entry/entry.js';
import { entriesOf, type ReadReply as Answer } from '../entry-replies.js';
import { nodesOf } from '../links/cluster-nodes.js';
import type { OnMisfit } from './paths.js';
import { ReadReply } from './read-reply.js';

/** What ioredis is given in place of an answer that was taken: nothing came. */
const NOTHING = { resp2: Buffer.from('*-1\r\n'), resp3: Buffer.from('_\r\n') };
/** How an answer with entries begins: an array of RESP2, a map of RESP3. */
const BEGINNINGS: readonly (number | undefined)[] = [42, 37];

type Stream = Redis['stream'];
type Listener = (chunk: Buffer) => void;

/**
 * Takes the answers with entries away from ioredis, which would make a Buffer of each name and each value. Everything
 * else on the link stays its own matter: connecting, sending the read, errors, redirections, and what becomes of a read
 * whose link is lost.
 *
 * The link must carry nothing but the read while one is under way.
 */
export class ReplyTap {
  /** Counts reads; odd while one is under way. */
  private turn = 0;
  private taken: StreamEntry[] | undefined;
  private readonly tapped = new WeakSet<Stream>();

  constructor(
    redis: Redis,
    private readonly onMisfit: OnMisfit,
  ) {
    const tapWhenReady = (node: Redis): void => {
      node.on('ready', () => this.tap(node.stream));
      if (node.status === 'ready') this.tap(node.stream);
    };
    if (!redis.isCluster) {
      tapWhenReady(redis);
      return;
    }
    redis.on('+node', tapWhenReady);
    nodesOf(redis).forEach(tapWhenReady);
  }

  /**
   * Runs a read.
   *
   * @param send - sends it through ioredis
   * @returns the entries that it brought, whoever took them from the link
   */
  async read(send: () => Promise<unknown>): Promise<readonly StreamEntry[]> {
    this.turn += 1;
    try {
      const reply = await send();
      return this.takenEntries() ?? entriesOf(reply as Answer);
    } finally {
      this.turn += 1;
      this.taken = undefined;
    }
  }

  private takenEntries(): StreamEntry[] | undefined {
    return this.taken;
  }

  /** The one listener of a link is the parser of ioredis; where that is not so, ioredis reads the link as ever. */
  private tap(stream: Stream): void {
    if (this.tapped.has(stream)) return;
    const [parse, ...others] = stream.rawListeners('data') as (Listener | undefined)[];
    if (!parse || others.length > 0) {
      this.onMisfit(
        'This version of ioredis reads its links in another way than the fast path of reads needs: entries are read through it, which takes longer',
      );
      return;
    }
    this.tapped.add(stream);
    stream.removeListener('data', parse);
    stream.prependListener(
      'data',
      this.listener((chunk) => parse.call(stream, chunk)),
    );
  }

  private listener(pass: Listener): Listener {
    let turn = 0;
    let reply: ReadReply | undefined;
    return (chunk) => {
      // What began in a read that was given up is taken to its end: ioredis could not read its second half.
      if (turn !== this.turn && !reply) {
        turn = this.turn;
        reply = turn % 2 === 1 && BEGINNINGS.includes(chunk[0]) ? new ReadReply() : undefined;
      }
      if (!reply) {
        pass(chunk);
        return;
      }
      const state = reply.push(chunk);
      if (state === 'more') return;
      const { chunks, entries, rest, isMap } = reply;
      reply = undefined;
      if (state === 'done') {
        if (turn === this.turn) this.taken = entries;
        pass(isMap ? NOTHING.resp3 : NOTHING.resp2);
        if (rest) pass(rest);
      } else chunks.forEach(pass);
    };
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../integration/model/random.js';
import type { TcpProxy } from '../../support/tcp-proxy.js';
import type { Fault, World } from './fault.js';

/** How long a net-split lasts, in milliseconds. */
const NET_SPLIT_MS = 3_500;
const REFUSAL_MS = 1_500;
const SLOW_FOR_MS = 3_000;
const SLOW_BY_MS = 150;

/** One link, or in one of four cases all of them at once. */
function chosen(
  { topology: { links } }: World,
  random: Random,
): { some: readonly TcpProxy[]; words: string } {
  if (random.chance(0.25)) return { some: links, words: 'all links' };
  const index = random.below(links.length);
  const words = index === links.length - 1 ? 'the link of the producer' : `the link of process ${index}`;
  return { some: links.slice(index, index + 1), words };
}

const heal = async (links: readonly TcpProxy[]): Promise<void> => {
  await Promise.all(links.map((link) => link.heal()));
};

/** Nothing gets through, and nobody says so. */
export const netSplit: Fault = {
  everyMs: 8_000,
  charges: true,
  onLinks: true,
  needs: ['alone'],
  async strike(world, random) {
    const { some, words } = chosen(world, random);
    for (const link of some) link.blackhole();
    await delay(NET_SPLIT_MS);
    await heal(some);
    return `split ${words} for ${NET_SPLIT_MS} ms`;
  },
};

/** Nothing gets through to anybody. */
export const blackout: Fault = {
  everyMs: 12_000,
  charges: true,
  onLinks: true,
  needs: ['alone'],
  async strike({ topology: { links } }) {
    for (const link of links) link.blackhole();
    await delay(NET_SPLIT_MS);
    await heal(links);
    return `split all links for ${NET_SPLIT_MS} ms`;
  },
};

/** Connections break. */
export const cut: Fault = {
  everyMs: 2_000,
  onLinks: true,
  needs: ['alone'],
  strike(world, random) {
    const { some, words } = chosen(world, random);
    for (const link of some) link.cut();
    return Promise.resolve(`cut ${words}`);
  },
};

/** Commands are carried out, and their replies are lost with the connection. */
export const cutReplies: Fault = {
  everyMs: 2_000,
  onLinks: true,
  needs: ['alone'],
  strike(world, random) {
    const { some, words } = chosen(world, random);
    for (const link of some) link.cutReplies();
    return Promise.resolve(`cut the next reply on ${words}`);
  },
};

/** Nobody listens. */
export const refuse: Fault = {
  everyMs: 5_000,
  onLinks: true,
  needs: ['alone'],
  async strike(world, random) {
    const { some, words } = chosen(world, random);
    await Promise.all(some.map((link) => link.refuse()));
    await delay(REFUSAL_MS);
    await heal(some);
    return `refused connections on ${words} for ${REFUSAL_MS} ms`;
  },
};

/** Everything arrives late. */
export const slow: Fault = {
  everyMs: 6_000,
  onLinks: true,
  needs: ['alone'],
  async strike(world, random) {
    const { some, words } = chosen(world, random);
    for (const link of some) link.slow(SLOW_BY_MS);
    await delay(SLOW_FOR_MS);
    await heal(some);
    return `made ${words} ${SLOW_BY_MS} ms slow for ${SLOW_FOR_MS} ms`;
  },
};

import type { Settings } from '../settings.js';

/** A bug, where it shows, and what the account must say then. */
export interface Case {
  readonly bug: string;
  readonly mix: keyof typeof MIXES;
  readonly complaint: RegExp;
}

const SHORT: Partial<Settings> = {
  ...{ orders: 250, rate: 250, processes: 1, early: 0.1, handlerMs: 20 },
  ...{ duplicates: 0, poison: 0, flaky: 0, ackWaitMs: 600, patienceMs: 5_000, maxRetries: 2 },
};

/** What happens while a bug is looked for; without the bug the invariant holds under each. */
export const MIXES = {
  blackout: { ...SHORT, faults: [{ name: 'blackout', everyMs: 800 }] },
  freezes: {
    ...{ ...SHORT, orders: 400, rate: 125, processes: 2, slow: 0.2, maxInFlight: 500 },
    faults: [{ name: 'freeze', everyMs: 600 }],
  },
  kills: {
    ...{ ...SHORT, rate: 125, processes: 2, poison: 0.05, handlerMs: 60 },
    faults: [
      { name: 'kill', everyMs: 600 },
      { name: 'kill-all', everyMs: 1_200 },
    ],
  },
  clocks: { ...SHORT, flaky: 0.3, faults: [{ name: 'skew', everyMs: 300 }] },
  backlog: { ...SHORT, early: 0.9, retentionMaxEntries: 20, poison: 0.05 },
  duplicates: { ...SHORT, duplicates: 0.5, handlerMs: 300 },
  'lost replies': { ...SHORT, orders: 500, faults: [{ name: 'cut-replies', everyMs: 100 }] },
  forgers: { ...SHORT, forged: 0.2 },
  full: {
    ...{ ...SHORT, of: 'service', maxRetries: 0, ackWaitMs: 2_000 },
    faults: [{ name: 'oom', everyMs: 5_000, lastsMs: 2_000 }],
  },
  postgres: {
    ...{ ...SHORT, orders: 400, rate: 300, of: 'service', store: 'postgres', ackWaitMs: 2_000 },
    faults: [{ name: 'pg-terminate', everyMs: 75 }],
  },
  late: {
    ...{ ...SHORT, orders: 40, rate: 12, of: 'service', store: 'postgres', ackWaitMs: 2_000 },
    ...{ late: 1, maxRetries: 0, handlerTimeoutMs: 1_000 },
  },
  inbox: {
    ...{ ...SHORT, orders: 120, rate: 120, store: 'postgres', maxInFlight: 16, committer: 0.1 },
    ackWaitMs: 2_000,
  },
} satisfies Record<string, Partial<Settings>>;

const LOST = /\d+ lost/;
const DOUBLED = /done more than once/;
const STUCK = /still pending|never read/;
const TWICE = /in the stream more than once/;

export const CASES: readonly Case[] = [
  { bug: 'copy-then-ack', mix: 'kills', complaint: /dead-lettered more than once|still pending/ },
  { bug: 'ack-first', mix: 'kills', complaint: LOST },
  { bug: 'marker-first', mix: 'kills', complaint: LOST },
  { bug: 'unguarded-heartbeat', mix: 'freezes', complaint: /taken from the newest delivery/ },
  { bug: 'own-clock', mix: 'clocks', complaint: /still wait for a retry/ },
  { bug: 'dollar', mix: 'backlog', complaint: LOST },
  { bug: 'delconsumer', mix: 'kills', complaint: LOST },
  { bug: 'stop-at-an-empty-page', mix: 'kills', complaint: STUCK },
  { bug: 'maxlen-trim', mix: 'backlog', complaint: LOST },
  { bug: 'handle-event-ack', mix: 'backlog', complaint: LOST },
  { bug: 'blocking-timeout', mix: 'blackout', complaint: STUCK },
  { bug: 'acknowledge-before-effect', mix: 'kills', complaint: LOST },
  { bug: 'unfenced-commit', mix: 'freezes', complaint: DOUBLED },
  { bug: 'expiry-too-short', mix: 'duplicates', complaint: DOUBLED },
  { bug: 'charge-on-oom', mix: 'full', complaint: /good ones dead-lettered/ },
  { bug: 'deaf-connection', mix: 'postgres', complaint: /died by themselves/ },
  { bug: 'unfenced-update', mix: 'late', complaint: /is processed, not dead-lettered/ },
  { bug: 'unnoticed-commit', mix: 'inbox', complaint: DOUBLED },
  { bug: 'blind-resend', mix: 'lost replies', complaint: TWICE },
  { bug: 'forged-replay-group', mix: 'forgers', complaint: LOST },
];

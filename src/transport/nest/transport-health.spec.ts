import type { RedisFailure } from '../redis/redis-failure.js';
import { checkTransportHealth, isWedged, type Examined } from './transport-health.js';

interface State {
  connected?: boolean;
  absence?: 'unreachable' | 'loading';
  refusal?: string;
  obstacle?: string;
  lost?: { count: number; lastAt: Date };
  failure?: RedisFailure;
  silentForMs?: number;
  isPaused?: boolean;
  trouble?: 'not-running' | 'too-slow' | 'failing';
}

function examined({
  connected = true,
  absence = 'unreachable',
  refusal,
  obstacle,
  lost,
  failure,
  silentForMs = 0,
  isPaused = false,
}: State) {
  const broker = {
    isConnected: () => connected,
    absence: () => Promise.resolve(absence),
    probe: () => (refusal === undefined ? Promise.resolve(obstacle) : Promise.reject(new Error(refusal))),
  };
  const delivery = {
    source: { stream: 'orders', group: 'order-group' },
    loop: { failure, silentForMs },
    gate: { isPaused },
    unread: { lost },
    inFlight: { inFlight: 0, share: { exhaustedForMs: 0 } },
  };
  return { broker, workers: [delivery] } as unknown as Examined;
}

const causesOf = async (state: State) => {
  const recovery = { trouble: state.trouble } as Parameters<typeof checkTransportHealth>[1];
  const { ready, causes } = await checkTransportHealth(examined(state), recovery);
  expect(ready).toBe(causes.length === 0);
  return causes.map(({ code, reply }) => (reply === undefined ? code : `${code} ${reply}`));
};

it.each<[string, State, string[]]>([
  ['all is well', {}, []],
  ['Redis is away', { connected: false }, ['redis-unreachable']],
  ['Redis loads', { connected: false, absence: 'loading' }, ['redis-refuses-writes LOADING']],
  ['the password is wrong', { connected: false, failure: 'no-permission' }, ['no-permission']],
  ['Redis is full', { refusal: 'OOM command not allowed' }, ['redis-refuses-writes OOM']],
  ['Redis says what is not known', { refusal: 'ODD at 10.0.0.1' }, ['redis-refuses-writes']],
  ['the group is gone', { refusal: "NOGROUP No such key 'orders'" }, ['group-missing']],
  ['nothing can be added', { obstacle: 'stream-full' }, ['stream-full']],
  ['nothing would be delivered', { obstacle: 'group-beyond-end' }, ['group-beyond-end']],
  ['a read takes its time', { silentForMs: 4_000 }, []],
  ['a read does not end', { silentForMs: 4_001 }, ['read-loop-stalled']],
  ['reading fails', { failure: 'wrong-type' }, ['wrong-type']],
  ['no further entries are taken', { isPaused: true }, ['intake-paused']],
  ['the recovery does not run', { trouble: 'not-running' }, ['recovery-stalled']],
  ['the recovery fails', { trouble: 'failing' }, ['recovery-failing']],
])('when %s', async (_, state, causes) => {
  expect(await causesOf(state)).toEqual(causes);
});

it('warns for an hour of entries that were lost unread, and stays ready', async () => {
  const healthAfter = (ms: number) =>
    checkTransportHealth(examined({ lost: { count: 40, lastAt: new Date(Date.now() - ms) } }), {
      trouble: undefined,
    } as Parameters<typeof checkTransportHealth>[1]);
  expect(await healthAfter(3_500_000)).toMatchObject({
    ready: true,
    warnings: [{ code: 'entries-lost', stream: 'orders', group: 'order-group', value: 40 }],
  });
  expect((await healthAfter(3_601_000)).warnings).toBeUndefined();
});

it('repeats nothing of an error that is not known', async () => {
  const { causes } = await checkTransportHealth(examined({ refusal: 'ODD at 10.0.0.1' }), {
    trouble: undefined,
  } as Parameters<typeof checkTransportHealth>[1]);
  expect(JSON.stringify(causes)).not.toContain('10.0.0.1');
});

it('takes a loop that stood still for a minute for one that will not go on', () => {
  expect(isWedged(examined({ silentForMs: 60_000 }).workers)).toBe(false);
  expect(isWedged(examined({ silentForMs: 60_001 }).workers)).toBe(true);
});

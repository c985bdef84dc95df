import { ActivityWindow, BUCKET_MS, bucketAt, BUCKETS, sumOf } from './activity-window.js';

const NOW = 1_700_000_000_000;
const LAST = BUCKETS - 1;

it('counts what happens, in buckets of time', () => {
  const window = new ActivityWindow();
  window.add('handled', NOW - BUCKET_MS);
  window.add('handled', NOW);
  window.add('deadLettered', NOW);
  expect(window.rows(NOW)).toEqual([
    [bucketAt(NOW) - 1, 1, 0, 0],
    [bucketAt(NOW), 1, 0, 1],
  ]);
});

it('forgets what is older than the window, also while nothing happens', () => {
  const window = new ActivityWindow();
  window.add('handled', NOW);
  expect(window.rows(NOW + LAST * BUCKET_MS)).toHaveLength(1);
  expect(window.rows(NOW + BUCKETS * BUCKET_MS)).toEqual([]);
});

it('adds the windows of processes up, bucket by bucket, the newest last', () => {
  const bucket = bucketAt(NOW);
  const windows = [
    [
      [bucket - LAST, 5, 0, 0],
      [bucket, 1, 2, 3],
    ],
    [[bucket, 10, 20, 30]],
  ] as const;
  const { handled, retried, deadLettered } = sumOf(windows, NOW);
  expect([handled.length, handled[0], handled[1], handled[LAST]]).toEqual([BUCKETS, 5, 0, 11]);
  expect([retried[LAST], deadLettered[LAST]]).toEqual([22, 33]);
});

it('leaves out what other clocks put outside of the window', () => {
  const bucket = bucketAt(NOW);
  const { handled } = sumOf([[[bucket + 1, 1, 1, 1]], [[bucket - BUCKETS, 1, 1, 1]]], NOW);
  expect(handled).toEqual(Array(BUCKETS).fill(0));
});

import { lossWarnings } from './log-lines.js';

it.each([
  ['all is well', { appendOnly: true, evictionPolicy: 'noeviction' }, []],
  ['Redis tells nothing', {}, []],
  ['nothing is kept', { appendOnly: false, evictionPolicy: 'noeviction' }, [/appendonly yes/]],
  ['keys are evicted', { appendOnly: true, evictionPolicy: 'allkeys-lru' }, [/allkeys-lru/]],
  ['both', { appendOnly: false, evictionPolicy: 'volatile-lru' }, [/appendonly yes/, /volatile-lru/]],
])('when %s', (_, settings, expected) => {
  const warnings = lossWarnings(settings);
  expect(warnings).toHaveLength(expected.length);
  for (const [index, pattern] of expected.entries()) expect(warnings[index]).toMatch(pattern);
});

// Preloaded into a process: counts the calls of functions from its first module on, and answers `take` with the functions
// of the build that were called since the last time, as `<file>#<offset>`.
import { Session } from 'node:inspector/promises';
import { fileURLToPath, URL } from 'node:url';

const BUILD = new URL('../../dist/', import.meta.url).href;

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

process.on('message', async (message) => {
  if (message !== 'take') return;
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const called = result
    .filter(({ url }) => url.startsWith(BUILD))
    .flatMap(({ url, functions }) =>
      functions
        .filter(({ ranges }) => ranges[0].count > 0)
        .map(({ ranges }) => `${fileURLToPath(url)}#${ranges[0].startOffset}`),
    );
  process.send({ called });
});
// Whoever measures has gone.
process.on('disconnect', () => process.exit());

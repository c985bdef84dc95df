import { eventually } from './eventually.js';

/** Repeats a check until it throws no more. */
export async function eventuallyPasses(
  check: () => unknown,
  options?: Parameters<typeof eventually>[1],
): Promise<void> {
  await eventually(async () => {
    await check();
    return true;
  }, options);
}

/** More than an order needs, and far less than what ends a recursion over it with a stack overflow. */
export const DEEPEST = 16;

/** Whether lists and objects lie deeper in each other than {@link DEEPEST}; looks no deeper than that itself. */
export function isTooDeep(value: unknown, levels = DEEPEST): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((child) => isTooDeep(child, levels - 1));
}

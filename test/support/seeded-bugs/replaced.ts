/**
 * Puts something else into a class, for every object of it in this test file.
 *
 * @returns what takes it out again
 */
export function replaced(owner: object, name: string, value: unknown): () => void {
  const proper = Object.getOwnPropertyDescriptor(owner, name);
  if (!proper) throw new Error(`There is no "${name}" to replace any more.`);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => void Object.defineProperty(owner, name, proper);
}

let replacement;

export function initialize({ name }) {
  replacement = name;
}

/** @see https://nodejs.org/docs/latest-v20.x/api/module.html#resolvespecifier-context-nextresolve */
export function resolve(specifier, context, nextResolve) {
  if (specifier !== 'ioredis') return nextResolve(specifier, context);
  return nextResolve(replacement, { ...context, parentURL: import.meta.url });
}

/** In a flat entry every value is text. Plain decimals are read; anything else is left as it is, for the validation to name. */
export function decimalFromText(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,15}(\.\d{1,6})?$/.test(value) ? Number(value) : value;
}

/** In a flat entry a list is JSON. What is not is left as it is, for the validation to name. */
export function listFromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : value;
  } catch {
    return value;
  }
}

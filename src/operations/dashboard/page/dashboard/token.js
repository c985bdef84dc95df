const KEY = 'order-streams-token';

/** The operator's token: kept for this tab until it is closed, and sent to this service alone. */
export const token = {
  get: () => sessionStorage.getItem(KEY) ?? undefined,
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

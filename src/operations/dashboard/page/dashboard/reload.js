// Without one of its modules the page does nothing. When one cannot be had, for instance because the network changed
// meanwhile, the page is loaded again, later each time.
addEventListener(
  'error',
  ({ target }) => {
    if (!(target instanceof HTMLScriptElement)) return;
    const times = Number(sessionStorage.getItem('reloads') ?? 0);
    sessionStorage.setItem('reloads', String(times + 1));
    setTimeout(() => location.reload(), Math.min(500 * 2 ** times, 30_000));
  },
  true,
);

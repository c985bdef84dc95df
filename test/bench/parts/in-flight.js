/** Keeps `width` calls under way until all `count` are done. */
export async function keepInFlight(count, width, call) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await call(next - 1);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

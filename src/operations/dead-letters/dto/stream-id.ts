const FORMAT = /^\d{1,20}-\d{1,20}$/;
const LARGEST = 18_446_744_073_709_551_615n;

/** Whether a text is the id of a stream entry: two numbers of 64 bits. */
export function isStreamId(text: string): boolean {
  return FORMAT.test(text) && text.split('-').every((part) => BigInt(part) <= LARGEST);
}

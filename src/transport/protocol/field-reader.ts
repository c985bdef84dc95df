/** Reads the names and values of an entry, which are counted in turn, without making more of them than is asked for. */
export interface FieldReader {
  readonly partCount: number;
  /** Of all names and values together. */
  readonly byteCount: number;
  /** Whether a part is an ASCII text. */
  isPart(index: number, name: string): boolean;
  /** A part as text; empty where there is none, undefined when it is not UTF-8. */
  text(index: number): string | undefined;
  /** A part as a number; undefined when it is anything but one to `maxDigits` digits. */
  whole(index: number, maxDigits: number): number | undefined;
}

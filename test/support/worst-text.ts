/** What a stranger may write to pass for something else: rows of a table, records of a log, text in another direction. */
export const WORST_TEXT = [
  'a\nFORGED a row\r\nFORGED another',
  '\u001b[2J\u001b]0;title\u0007\b\u0000\u007f',
  '\u009b31m\u0085\u0080',
  '\u2028FORGED\u2029',
  '\u200e\u200f\u061c\u202a\u202e\u2066\u2069',
].join('');

/** A character that must be written out wherever text of a stranger is shown. */
export const STEERING = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

/** As {@link STEERING}, where text may have lines: those that a stranger broke are indented. */
export const STEERING_BUT_LINES = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]|^FORGED/mu;

/** Control characters (C0 and C1), Unicode's own line breaks, and the marks that change the direction of text. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * Writes control characters as `\uXXXX`, so that a value can neither break a line, nor steer a terminal, nor change the
 * direction of what stands next to it. JSON that passes here means the same as before.
 *
 * @param keep - control characters that stay as they are
 */
export function escapeControls(text: string, keep = ''): string {
  return text.replace(CONTROLS, (control) => (keep.includes(control) ? control : escaped(control)));
}

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * Like {@link escapeControls}, for text of several lines: the further ones are indented, so that none can pass for a
 * record or a row of its own.
 */
export function escapeLines(text: string, indent = '  '): string {
  return escapeControls(text, '\n').replaceAll('\n', `\n${indent}`);
}

/** Redis ends its refusal of a command that it does not know with the arguments, and one of them may be a payload. */
const QUOTED_ARGUMENTS = /(\bwith args beginning with:)[^\n]*/gi;

/** Takes out of a text what Redis quoted of a command's arguments; every text of an error passes here before it is shown. */
export function withoutQuotedArguments(text: string): string {
  return text.replace(QUOTED_ARGUMENTS, '$1 (left out)');
}

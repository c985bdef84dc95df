/** Control characters, Unicode's own line breaks, and the marks that reverse the direction of text. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Writes control characters as `\uXXXX`, so that a value can neither break a line nor steer a terminal. */
export function escapeControls(text: string, keep = ''): string {
  return text.replace(CONTROLS, (control) => (keep.includes(control) ? control : escaped(control)));
}

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Redis ends its refusal of a command that it does not know with the arguments, and one of them may be a payload. */
const QUOTED_ARGUMENTS = /(\bwith args beginning with:)[^\n]*/gi;

/** Takes out of a text what Redis quoted of a command's arguments; every text of an error passes here before it is shown. */
export function withoutQuotedArguments(text: string): string {
  return text.replace(QUOTED_ARGUMENTS, '$1 (left out)');
}

/** Redis ends its refusal of a command that it does not know with the arguments, and one of them may be a payload. */
const QUOTED_ARGUMENTS = /(\bwith args beginning with:)[^\n]*/gi;

/** Takes out of a text what Redis quoted of a command's arguments; every text of an error passes here before it is shown. */
export function withoutQuotedArguments(text: string): string {
  return text.replace(QUOTED_ARGUMENTS, '$1 (left out)');
}

import { escapeControls, escapeLines } from './text.js';
import { STEERING, STEERING_BUT_LINES, WORST_TEXT } from '../../../test/support/worst-text.js';

it('writes out whatever steers a terminal, breaks a line or changes the direction of text', () => {
  const escaped = escapeControls(WORST_TEXT);
  expect(escaped).not.toMatch(STEERING);
  expect(escaped).toContain(String.raw`\u009b31m\u0085\u0080`);
  expect(escaped).toContain(String.raw`\u200e\u200f\u061c\u202a\u202e\u2066\u2069`);
});

it('leaves other text alone, in any script', () => {
  const text = 'Ünïcode, עברית, العربية, 日本語, 👩‍👩‍👧, a\u200dzero-width joiner';
  expect(escapeControls(text)).toBe(text);
});

it('leaves the meaning of JSON', () => {
  expect(JSON.parse(escapeControls(JSON.stringify({ [WORST_TEXT]: WORST_TEXT })))).toEqual({
    [WORST_TEXT]: WORST_TEXT,
  });
});

it('indents the further lines of a text that may have some', () => {
  expect(escapeLines(WORST_TEXT)).not.toMatch(STEERING_BUT_LINES);
  expect(escapeLines('a\nb\nc', '    ')).toBe('a\n    b\n    c');
});

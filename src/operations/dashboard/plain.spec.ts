import { WORST_TEXT } from '../../../test/support/worst-text.js';
import { escapeControls } from '../../transport/index.js';

it('writes out on the page what the log and the terminal write out', async () => {
  const page = './page/dashboard/plain.js';
  const { plain } = (await import(page)) as { plain: typeof escapeControls };
  const everyUnit = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).join('');
  for (const text of [WORST_TEXT, everyUnit]) {
    expect(plain(text)).toBe(escapeControls(text));
    expect(plain(text, '\n')).toBe(escapeControls(text, '\n'));
  }
});

import { remainderLines } from './log-lines.js';

describe('What the log says of what was left when the transport ended', () => {
  it('is nothing where all ended in order', () => {
    expect(remainderLines({ isDrained: true, running: 0, unwritten: 0 })).toEqual([]);
  });

  it('is that Redis could not be used where no handler was running', () => {
    const lines = remainderLines({ isDrained: false, running: 0, unwritten: 0 });
    expect(lines).toEqual([expect.stringContaining('Redis could not be used')]);
  });

  it('is how many handlers run on, and how many ended without Redis knowing', () => {
    expect(remainderLines({ isDrained: false, running: 2, unwritten: 3 })).toEqual([
      expect.stringContaining('2 handlers did not finish in time'),
      expect.stringContaining('3 handlers have ended'),
    ]);
  });
});

import { transactionControlIn } from './postgres-sql.js';

describe('transactionControlIn', () => {
  it.each([
    ['COMMIT', 'COMMIT'],
    ['commit;', 'COMMIT'],
    [' \n-- done\n COMMIT AND CHAIN', 'COMMIT'],
    ['/* now */ rollback', 'ROLLBACK'],
    ['ROLLBACK WORK', 'ROLLBACK'],
    ['END', 'END'],
    ['abort', 'ABORT'],
    ['begin isolation level serializable', 'BEGIN'],
    ['START  TRANSACTION', 'START TRANSACTION'],
    ["PREPARE TRANSACTION 'a'", 'PREPARE TRANSACTION'],
    ["UPDATE stock SET note = 'a;b'; COMMIT", 'COMMIT'],
    ['SELECT 1; ; rollback', 'ROLLBACK'],
    ["SELECT E'it\\'s'; COMMIT", 'COMMIT'],
    ['SELECT $$;$$; COMMIT', 'COMMIT'],
  ])('finds it in %p', (text, word) => {
    expect(transactionControlIn(text)).toBe(word);
  });

  it.each([
    'SAVEPOINT a',
    'RELEASE SAVEPOINT a',
    'ROLLBACK TO SAVEPOINT a',
    'rollback work to a',
    'ROLLBACK TRANSACTION TO a',
    "INSERT INTO notes VALUES ('; COMMIT')",
    "INSERT INTO notes VALUES ('it''s; COMMIT')",
    'SELECT "; COMMIT" FROM a',
    'SELECT 1 -- ; COMMIT',
    'SELECT 1 /* ; COMMIT */',
    'DO $$ BEGIN PERFORM 1; END $$',
    'DO $body$ BEGIN PERFORM 1; END $body$',
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END',
    'SELECT CASE WHEN true THEN 1 END',
    'PREPARE plan AS SELECT 1',
    'UPDATE commit SET a = 1',
    'WITH begin AS (SELECT 1) SELECT * FROM begin',
  ])('finds none in %p', (text) => {
    expect(transactionControlIn(text)).toBeUndefined();
  });
});

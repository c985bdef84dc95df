import { isUtf8 } from 'node:buffer';
import { fieldPairs, rawPayload, type DeadLetter, type Truncation } from '../../transport/index.js';
import type { DeadLetterDetailDto, DeadLetterDto, FieldValue } from './dto/answers.dto.js';

/** Bytes of a character in UTF-8 at most. */
const LONGEST_CHARACTER = 4;

/** A dead letter as a list shows it. */
export function itemOf(letter: DeadLetter): DeadLetterDto {
  const {
    id,
    foreign,
    stream,
    originalId,
    group,
    consumer,
    reason,
    retry,
    deliveryCount,
    failedAt,
    replays,
    truncation,
  } = letter;
  const orderId = orderIdOf(letter.decoded?.payload);
  return {
    ...{ id, foreign, stream, originalId, group, consumer, reason },
    ...(orderId !== undefined && { orderId }),
    ...{ retry, deliveryCount, exception: letter.exception, failedAt },
    ...(canBeWritten(letter.decoded?.payload) && { payload: letter.decoded?.payload }),
    ...(truncation && {
      truncated: { bytes: truncation.bytes, omittedFields: truncation.omittedFields },
    }),
    ...{ fields: fieldsOf(letter), replays },
  };
}

/** A dead letter, as much of it as was read. */
export function detailOf(letter: DeadLetter): DeadLetterDetailDto {
  const raw = rawPayload(letter);
  return Object.assign(itemOf(letter), {
    ...(raw && { rawPayload: valueOf(raw, letter.truncation) }),
    headers: { ...letter.decoded?.headers },
    history: letter.history.map((step) => ({ ...step, failedAt: step.failedAt.toISOString() })),
  });
}

function orderIdOf(payload: unknown): string | undefined {
  const isObject = typeof payload === 'object' && payload !== null;
  const orderId: unknown = isObject && 'orderId' in payload ? payload.orderId : undefined;
  return typeof orderId === 'string' ? orderId : undefined;
}

/** What was parsed may be nested more deeply than can be written. */
function canBeWritten(payload: unknown): boolean {
  try {
    return (JSON.stringify(payload) as string | undefined) !== undefined;
  } catch {
    return false;
  }
}

function fieldsOf({ fields, truncation }: DeadLetter): Record<string, FieldValue | FieldValue[]> {
  const shown = Object.create(null) as Record<string, FieldValue | FieldValue[]>;
  for (const [nameBytes, valueBytes] of fieldPairs(fields)) {
    const name = isUtf8(nameBytes) ? nameBytes.toString() : `base64:${nameBytes.toString('base64')}`;
    const [before, value] = [shown[name], valueOf(valueBytes, truncation)];
    shown[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return shown;
}

function valueOf(bytes: Buffer, truncation: Truncation | undefined): FieldValue {
  const fullLength = truncation?.fullLengths.get(bytes);
  if (fullLength !== undefined) return { truncated: true, bytes: fullLength, ...beginningOf(bytes) };
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') };
}

/** It may have been cut within a character. */
function beginningOf(bytes: Buffer): { text: string } | { base64: string } {
  for (let less = 0; less < LONGEST_CHARACTER; less += 1) {
    const whole = bytes.subarray(0, bytes.length - less);
    if (isUtf8(whole)) return { text: whole.toString() };
  }
  return { base64: bytes.toString('base64') };
}

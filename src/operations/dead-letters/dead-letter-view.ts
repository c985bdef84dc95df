import { isUtf8 } from 'node:buffer';
import { fieldPairs, rawPayload, type DeadLetter } from '../../transport/index.js';
import type { DeadLetterDetailDto, DeadLetterDto, FieldValue } from './dto/answers.dto.js';

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
  } = letter;
  const orderId = orderIdOf(letter.decoded?.payload);
  return {
    ...{ id, foreign, stream, originalId, group, consumer, reason },
    ...(orderId !== undefined && { orderId }),
    ...{ retry, deliveryCount, exception: letter.exception, failedAt },
    ...(canBeWritten(letter.decoded?.payload) && { payload: letter.decoded?.payload }),
    ...{ fields: fieldsOf(letter.fields), replays },
  };
}

/** A dead letter, whole. */
export function detailOf(letter: DeadLetter): DeadLetterDetailDto {
  const raw = rawPayload(letter);
  return Object.assign(itemOf(letter), {
    ...(raw && { rawPayload: valueOf(raw) }),
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

function fieldsOf(fields: readonly Buffer[]): Record<string, FieldValue | FieldValue[]> {
  const shown = Object.create(null) as Record<string, FieldValue | FieldValue[]>;
  for (const [nameBytes, valueBytes] of fieldPairs(fields)) {
    const name = isUtf8(nameBytes) ? nameBytes.toString() : `base64:${nameBytes.toString('base64')}`;
    const [before, value] = [shown[name], valueOf(valueBytes)];
    shown[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return shown;
}

function valueOf(bytes: Buffer): FieldValue {
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') };
}

import { Random } from '../../integration/model/random.js';
import { eventually } from '../../support/eventually.js';
import type { TestRedis } from '../../support/redis.js';
import { hostileRequest, type HostileRequest, type Operation } from './requests.js';

const LIMIT_MS = 10_000;
const AT_ONCE = 16;
/** Share of the requests that are sent while Redis is away: each may take as long as the service waits for it. */
const SHARE_WITHOUT_REDIS = 0.05;

/** The service to attack, and how often. */
export interface HttpFuzz {
  readonly url: string;
  readonly redis: TestRedis;
  readonly requests: number;
  readonly seed: number;
}

interface OpenApi {
  readonly paths: Record<string, Record<string, unknown>>;
}

/** Sends hostile requests to every route that the service documents. @returns what was wrong */
export async function fuzzHttp({ url, redis, requests, seed }: HttpFuzz): Promise<string[]> {
  const { paths } = (await (await fetch(`${url}/docs-json`)).json()) as OpenApi;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): Operation => ({ path, method: method.toUpperCase() })),
  );
  const complaints: string[] = [];
  const statuses = new Map<number, number>();
  const attack = async (begin: number, count: number, mayBeAway: boolean): Promise<void> => {
    let next = begin;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < begin + count) {
          const index = next++;
          const operation = operations[index % operations.length];
          if (!operation) return;
          const request = hostileRequest(new Random(seed * 1_000_003 + index), operation);
          const first = await send(url, request, mayBeAway, statuses);
          // On a machine that is busy Redis may answer late; that must pass.
          const isLate = first?.startsWith('503') === true;
          if (isLate) await untilReady(url);
          const complaint = isLate ? await send(url, request, mayBeAway, statuses) : first;
          if (complaint !== undefined) complaints.push(`${describe(request)}: ${complaint}`);
        }
      }),
    );
  };
  await attack(0, requests, false);
  await redis.kill();
  await attack(requests, Math.ceil(requests * SHARE_WITHOUT_REDIS), true);
  await redis.restart();
  const sums = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
  console.log(`  ${operations.length} operations of the API document; answers: ${sums.join(', ')}`);
  return complaints;
}

async function untilReady(url: string): Promise<void> {
  await eventually(async () => ((await fetch(`${url}/health/ready`)).ok ? true : undefined));
}

async function send(
  url: string,
  { method, target, headers, body }: HostileRequest,
  mayBeAway: boolean,
  statuses: Map<number, number>,
): Promise<string | undefined> {
  let status: number;
  let type: string;
  let text: string;
  try {
    const response = await fetch(url + target, {
      ...{ method, headers, redirect: 'manual', signal: AbortSignal.timeout(LIMIT_MS) },
      ...(body !== undefined && !['GET', 'HEAD'].includes(method) && { body }),
    });
    status = response.status;
    type = response.headers.get('content-type') ?? '';
    // A stream of events has no end.
    text = type.startsWith('text/event-stream') ? '' : await response.text();
    if (text === '') await response.body?.cancel();
  } catch (error) {
    return `no answer: ${error instanceof Error ? error.message : String(error)}`;
  }
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (status >= 500 && !(status === 503 && mayBeAway)) return `${status} ${text.slice(0, 200)}`;
  if (status < 400 || method === 'HEAD') return undefined;
  return complaintAbout(status, text);
}

/** An error says the same of itself as its status line, and why. */
function complaintAbout(status: number, text: string): string | undefined {
  try {
    const parsed = JSON.parse(text) as Record<string, unknown>;
    const isReport = 'status' in parsed && !('statusCode' in parsed);
    const isError = parsed.statusCode === status && 'message' in parsed && typeof parsed.error === 'string';
    return isReport || isError ? undefined : `${status} with the body ${text.slice(0, 200)}`;
  } catch {
    return `${status} with a body that is not JSON: ${text.slice(0, 200)}`;
  }
}

function describe({ method, target, headers, body }: HostileRequest): string {
  return `${method} ${target.slice(0, 100)} ${JSON.stringify(headers)} ${String(body).slice(0, 100)}`;
}

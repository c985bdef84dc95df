/** How long an answer is waited for, in milliseconds. Counting a long list takes its time. */
const LIMIT_MS = 30_000;

/** The service answered with an error. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly status: number,
    readonly body: unknown,
  ) {
    super(messageIn(body) ?? `The service answered ${status}`);
  }
}

/** The service did not answer. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** The service's HTTP interface. */
export class ServiceApi {
  /** @param url - where the service is */
  constructor(
    private readonly url: string,
    private readonly token: string | undefined,
  ) {}

  get<T>(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(
      given.map(([name, value]): [string, string] => [name, String(value)]),
    ).toString();
    return this.send<T>('GET', search === '' ? path : `${path}?${search}`);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.send<T>('POST', path, body);
  }

  delete<T>(path: string, body?: unknown): Promise<T> {
    return this.send<T>('DELETE', path, body);
  }

  /** @throws ServiceError, UnreachableError */
  private async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = {
      ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const { status, text } = await this.answer(path, {
      ...{ method, headers, body: body === undefined ? null : JSON.stringify(body) },
    });
    const answer = parsed(text);
    if (status >= 400) throw new ServiceError(status, answer);
    return answer as T;
  }

  private async answer(path: string, init: RequestInit): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(new URL(path, this.url), {
        ...init,
        signal: AbortSignal.timeout(LIMIT_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      const { message } =
        error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
      throw new UnreachableError(`No answer from ${this.url}: ${message || 'nothing listens there'}`, {
        cause: error,
      });
    }
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageIn(body: unknown): string | undefined {
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined;
  if (Array.isArray(message)) return message.map(String).join('; ');
  return typeof message === 'string' ? message : undefined;
}

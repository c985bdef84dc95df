/** An answer over HTTP, with its JSON body read. */
export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** The body of every answer that is an error. */
export interface ErrorBody {
  statusCode: number;
  error: string;
  message: string | string[];
}

/** Sends a GET. */
export async function get<T>(url: string): Promise<Answer<T>> {
  return answerOf<T>(await fetch(url));
}

/** Posts JSON; a string is sent as it is. */
export async function post<T>(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return answerOf<T>(
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: text,
    }),
  );
}

/** Sends a request of any method, with JSON where a body is given. */
export async function send<T>(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const text = body === undefined ? null : JSON.stringify(body);
  return answerOf<T>(await fetch(url, { method, headers: { ...json, ...headers }, body: text }));
}

/** An answer without a body, as to a DELETE, has `undefined` there. */
async function answerOf<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  const body = (text === '' ? undefined : JSON.parse(text)) as T;
  return { status: response.status, headers: response.headers, body };
}

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

async function answerOf<T>(response: Response): Promise<Answer<T>> {
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

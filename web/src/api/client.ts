import { api } from './prefix';
import { Problem, Unreachable, type ProblemBody } from './problem';
import { accessToken } from './token';

export interface Answer<T> {
  data: T;
  status: number;
  headers: Headers;
}

export interface Options {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * call sends a request with the access token. An expired token is refreshed once. It
 * throws Problem, Unreachable or SignedOut.
 */
export function call<T>(method: Method, path: string, options: Options = {}): Promise<Answer<T>> {
  return authorized((token) => send<T>(method, path, options, token));
}

/** authorized runs a request with the access token, and once more if that has expired. */
export async function authorized<T>(request: (token: string) => Promise<T>): Promise<T> {
  const token = await accessToken();
  try {
    return await request(token);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    return request(await accessToken(token));
  }
}

/** send sends a request as it is. */
export async function send<T>(method: Method, path: string, options: Options, token?: string): Promise<Answer<T>> {
  const response = await respond(method, path, options, token);
  const text = await response.text().catch(unreachable);
  return {
    data: parsed(text) as T,
    status: response.status,
    headers: response.headers,
  };
}

/** respond returns a successful response with its body unread. */
export async function respond(method: Method, path: string, options: Options, token?: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (token) headers['Authorization'] = `Bearer ${token}`;
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  const body = options.body === undefined ? null : JSON.stringify(options.body);
  const request: RequestInit = { method, headers, body, cache: 'no-store', credentials: 'same-origin' };
  if (options.signal) request.signal = options.signal;
  const response = await fetch(api + path, request).catch(unreachable);
  if (response.ok) return response;
  throw new Problem(response.status, await problemOf(response), retryAfter(response));
}

/** parsed reads an answer. What is not JSON came from something between here and the server. */
function parsed(text: string): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch (error) {
    return unreachable(error);
  }
}

function unreachable(cause: unknown): never {
  if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
  throw new Unreachable('The server cannot be reached.', { cause });
}

async function problemOf(response: Response): Promise<Partial<ProblemBody>> {
  try {
    return (await response.json()) as Partial<ProblemBody>;
  } catch {
    return {}; // of a proxy
  }
}

function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After') ?? 0);
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

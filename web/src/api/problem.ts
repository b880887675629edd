import type { components } from './contract';

export type ProblemBody = components['schemas']['Problem'];
export type ProblemCode = ProblemBody['code'];

/** Problem is an error response of the server (RFC 9457). */
export class Problem extends Error {
  override name = 'Problem';

  constructor(
    readonly status: number,
    readonly body: Partial<ProblemBody>,
    /** Milliseconds after which a retry makes sense; 0 if the server says nothing. */
    readonly retryAfter = 0,
  ) {
    super(body.detail || body.title || `HTTP ${status}`);
  }

  get code(): ProblemCode | undefined {
    return this.body.code;
  }

  /** The detail of the first invalid field, or of the whole problem. */
  get sentence(): string {
    return this.body.errors?.[0]?.detail ?? this.message;
  }
}

/** Unreachable is a request without a response: no network, or no server. */
export class Unreachable extends Error {
  override name = 'Unreachable';
}

/** SignedOut is a request that needs a session, without one. */
export class SignedOut extends Error {
  override name = 'SignedOut';
}

/** isTemporary reports whether the same request may succeed later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof Unreachable || error instanceof SignedOut) return true;
  if (!(error instanceof Problem)) return false;
  return [408, 425, 429, 500, 502, 503, 504].includes(error.status) || error.code === 'idempotency_in_progress';
}

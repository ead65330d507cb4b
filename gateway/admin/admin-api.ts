import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { InvalidInputError, PointsmanError } from 'pointsman';
import { UnknownKeyError } from '../keys/manage-keys.ts';
import { isSameSecret } from '../keys/secret.ts';
import { StateUnavailableError } from '../state/state.ts';

export interface AdminOptions {
  /** Where the gateway listens. */
  readonly host: string;
  /** What whoever looks after the gateway must know; null lets in everybody on this machine. */
  readonly token: string | null;
  /** What there is to look after, each with its own routes below `/admin`. */
  readonly areas: readonly Hono[];
  /** Told of mistakes of the gateway's own. @default nobody */
  readonly onError?: (error: unknown) => void;
}

const SHORTEST_TOKEN = 16;
const MOST_BODY_BYTES = 64 * 1024;

/** Nothing of it is kept, shown inside another page, or taken for anything but what it is. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Something that is asked for and not there. */
export class NotThereError extends InvalidInputError {
  override readonly name = 'NotThereError';
}

/**
 * What is below `/admin`, in JSON. It shows what every request said, and changes what they are decided by, so it is for whoever
 * looks after the gateway alone.
 *
 * @throws InvalidInputError as {@link checkAdminToken} does.
 */
export function createAdminApi({ areas, host, onError = () => {}, token }: AdminOptions): Hono {
  checkAdminToken(token, host);
  const app = new Hono();
  app.use('/admin/*', async (context, next) => {
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    const objection = objectionTo(context.req.raw, token);
    if (objection !== null) return failure(context, 401, 'UNAUTHENTICATED', objection);
    await next();
    return undefined;
  });
  const tooLong = (context: Context) =>
    failure(context, 413, 'TOO_LARGE', `A body may have ${MOST_BODY_BYTES} bytes at most.`);
  app.use('/admin/*', bodyLimit({ maxSize: MOST_BODY_BYTES, onError: tooLong }));
  for (const area of areas) app.route('/', area);
  app.all('/admin/*', (context) =>
    failure(context, 404, 'NOT_FOUND', 'There is no such thing to look after. See docs/dashboard.md.'),
  );
  app.onError((error, context) => {
    if (error instanceof NotThereError) return failure(context, 404, 'NOT_FOUND', error.message);
    if (error instanceof UnknownKeyError) return failure(context, 404, 'UNKNOWN_KEY', error.message);
    if (error instanceof StateUnavailableError) return failure(context, 503, error.code, error.message);
    if (error instanceof PointsmanError) return failure(context, 400, error.code, error.message);
    onError(error);
    // What went wrong inside is nobody's to read.
    return failure(context, 500, 'UNEXPECTED', 'The gateway failed. Its log says why.');
  });
  return app;
}

/**
 * The one rule of who may look after a gateway, for the API and the dashboard.
 *
 * @throws InvalidInputError without a token at an address that others can reach, or for a token that can be guessed.
 */
export function checkAdminToken(token: string | null, host: string): void {
  if (token === null && !isLoopback(host))
    throw new InvalidInputError(
      `The admin API must have a token when the gateway listens at ${host}, where others can reach it. Give one, or listen at 127.0.0.1.`,
    );
  if (token !== null && token.length < SHORTEST_TOKEN)
    throw new InvalidInputError(
      `The admin token must have at least ${SHORTEST_TOKEN} characters. Got ${token.length}. Make one: openssl rand -hex 32`,
    );
}

/** Whether only programs on this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** Why a request is not let in; null when it is. */
function objectionTo(request: Request, token: string | null): string | null {
  if (token !== null) {
    const given = /^Bearer +(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
    if (given === '') return 'The admin token is needed: send it as `Authorization: Bearer ...`.';
    return isSameSecret(given, token)
      ? null
      : 'The admin token is wrong: it must be the one that `admin.token` of the configuration gives.';
  }
  // Nobody needs a secret here, so a web page that the owner of this machine looks at must not get in: neither under a name that
  // leads here, nor by a request that a browser sends for another page.
  const { host, hostname } = new URL(request.url);
  const named = request.headers.get('host') ?? host;
  const origin = request.headers.get('origin');
  const isOwn = isLoopback(hostname) && isLoopback(named.replace(/:\d+$/, ''));
  const isOfPage =
    origin !== null && !URL.canParse(origin) ? true : origin !== null && new URL(origin).host !== named;
  const site = request.headers.get('sec-fetch-site') ?? 'none';
  return isOwn && !isOfPage && ['none', 'same-origin'].includes(site)
    ? null
    : 'Without an admin token, only programs on this machine may ask, by the name localhost or 127.0.0.1.';
}

/** @throws InvalidInputError for what is no object in JSON; nothing at all is an empty one. */
export async function bodyOf(context: Context): Promise<unknown> {
  const text = await context.req.text();
  if (text.trim() === '') return {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch {
    // Said below.
  }
  throw new InvalidInputError('The body must be an object in JSON, such as {"name": "support"}.');
}

function failure(
  context: Context,
  status: 400 | 401 | 404 | 413 | 500 | 503,
  code: string,
  message: string,
): Response {
  return context.json({ error: { code, message } }, status);
}

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { InvalidInputError, PointsmanError } from 'pointsman';
import {
  changeKey,
  createKey,
  deleteKey,
  listKeys,
  readKey,
  readUsage,
  rotateKey,
  UnknownKeyError,
} from '../keys/manage-keys.ts';
import { isSameSecret } from '../keys/secret.ts';
import { ALL_KEYS, type GatewayState, StateUnavailableError } from '../state/state.ts';

export interface AdminOptions {
  readonly state: GatewayState;
  /** Where the gateway listens. */
  readonly host: string;
  /** What whoever looks after the gateway must know; null lets in everybody on this machine. */
  readonly token: string | null;
}

const SHORTEST_TOKEN = 16;
const MOST_BODY_BYTES = 64 * 1024;
const USAGE_DAYS = '31';

/** Nothing of it is kept, shown inside another page, or taken for anything but JSON. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Keys, budgets and what was used, below `/admin`, in JSON. It reads and changes what every request is decided by, so it is for whoever
 * looks after the gateway alone.
 *
 * @throws InvalidInputError without a token at an address that others can reach, or for a token that can be guessed.
 */
export function createAdminApi({ host, state, token }: AdminOptions): Hono {
  if (token === null && !isLoopback(host))
    throw new InvalidInputError(
      `The admin API must have a token when the gateway listens at ${host}, where others can reach it. Give one, or listen at 127.0.0.1.`,
    );
  if (token !== null && token.length < SHORTEST_TOKEN)
    throw new InvalidInputError(
      `The admin token must have at least ${SHORTEST_TOKEN} characters. Got ${token.length}. Make one: openssl rand -hex 32`,
    );
  const app = new Hono();
  app.use('/admin/*', async (context, next) => {
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    const objection = objectionTo(context.req.raw, token);
    if (objection !== null) return failure(context, 401, 'UNAUTHENTICATED', objection);
    await next();
    return undefined;
  });
  const onError = (context: Context) =>
    failure(context, 413, 'TOO_LARGE', `A body may have ${MOST_BODY_BYTES} bytes at most.`);
  app.use('/admin/*', bodyLimit({ maxSize: MOST_BODY_BYTES, onError }));
  app.get('/admin/keys', async (context) => context.json({ keys: await listKeys(state) }));
  app.post('/admin/keys', async (context) =>
    context.json(await createKey(state, await bodyOf(context)), 201),
  );
  app.get('/admin/keys/:id', async (context) => context.json(await readKey(state, context.req.param('id'))));
  app.patch('/admin/keys/:id', async (context) =>
    context.json(await changeKey(state, context.req.param('id'), await bodyOf(context))),
  );
  app.delete('/admin/keys/:id', async (context) => {
    await deleteKey(state, context.req.param('id'));
    return context.body(null, 204);
  });
  app.post('/admin/keys/:id/rotate', async (context) => {
    const { graceSeconds = 0 } = (await bodyOf(context)) as { graceSeconds?: number };
    return context.json(await rotateKey(state, context.req.param('id'), { graceMs: 1000 * graceSeconds }));
  });
  app.get('/admin/keys/:id/usage', async (context) =>
    context.json(await usageOf(context, context.req.param('id'))),
  );
  app.get('/admin/usage', async (context) => context.json(await usageOf(context, ALL_KEYS)));
  app.notFound((context) => failure(context, 404, 'NOT_FOUND', 'There is no such address.'));
  app.onError((error, context) => {
    if (error instanceof UnknownKeyError) return failure(context, 404, 'UNKNOWN_KEY', error.message);
    if (error instanceof StateUnavailableError) return failure(context, 503, error.code, error.message);
    if (error instanceof PointsmanError) return failure(context, 400, error.code, error.message);
    // What went wrong inside is nobody's to read.
    return failure(context, 500, 'UNEXPECTED', 'The gateway failed. Its log says why.');
  });
  return app;

  async function usageOf(context: Context, id: string) {
    return { days: await readUsage(state, id, Number(context.req.query('days') ?? USAGE_DAYS)) };
  }
}

/** Whether only programs on this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** Why a request is not let in; null when it is. */
function objectionTo(request: Request, token: string | null): string | null {
  if (token !== null) {
    const given = /^Bearer +(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
    return isSameSecret(given, token)
      ? null
      : 'The admin token is needed: send it as `Authorization: Bearer ...`.';
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
async function bodyOf(context: Context): Promise<unknown> {
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

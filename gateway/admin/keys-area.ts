import { type Context, Hono } from 'hono';
import {
  changeKey,
  checkNames,
  createKey,
  deleteKey,
  listKeys,
  type NamedParts,
  readKey,
  readUsage,
  rotateKey,
} from '../keys/manage-keys.ts';
import { ALL_KEYS, type GatewayState } from '../state/state.ts';
import { bodyOf, NotThereError } from './admin-api.ts';

const USAGE_DAYS = '31';

/**
 * Keys, budgets and what was used.
 *
 * @param state null for a gateway without keys
 * @param config whose routers and candidates a key may name
 */
export function createKeysArea(state: GatewayState | null, config: NamedParts): Hono {
  const app = new Hono();
  if (state === null) {
    const none = () => {
      throw new NotThereError('This gateway has no keys. Give `keys` in its configuration.');
    };
    return app.all('/admin/keys/*', none).all('/admin/usage', none);
  }
  app.get('/admin/keys', async (context) => context.json({ keys: await listKeys(state) }));
  const settingsOf = async (context: Context) => {
    const settings = await bodyOf(context);
    checkNames(settings, config);
    return settings;
  };
  app.post('/admin/keys', async (context) =>
    context.json(await createKey(state, await settingsOf(context)), 201),
  );
  app.get('/admin/keys/:id', async (context) => context.json(await readKey(state, context.req.param('id'))));
  app.patch('/admin/keys/:id', async (context) =>
    context.json(await changeKey(state, context.req.param('id'), await settingsOf(context))),
  );
  app.delete('/admin/keys/:id', async (context) => {
    await deleteKey(state, context.req.param('id'));
    return context.body(null, 204);
  });
  app.post('/admin/keys/:id/rotate', async (context) => {
    const { graceSeconds = 0 } = (await bodyOf(context)) as { graceSeconds?: number };
    return context.json(await rotateKey(state, context.req.param('id'), { graceMs: 1000 * graceSeconds }));
  });
  const usageOf = async (context: Context, id: string) =>
    context.json({ days: await readUsage(state, id, Number(context.req.query('days') ?? USAGE_DAYS)) });
  app.get('/admin/keys/:id/usage', (context) => usageOf(context, context.req.param('id')));
  app.get('/admin/usage', (context) => usageOf(context, ALL_KEYS));
  return app;
}

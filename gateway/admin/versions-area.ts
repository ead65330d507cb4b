import { type Context, Hono } from 'hono';
import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import type { VersionStanding, Versions } from '../canary/version-standing.ts';
import type { Routers } from '../routing/routers.ts';

/** What `GET /admin/versions` answers: routers by name. `version` is null where new ones are taken over at once, or not looked for. */
export interface VersionsAnswer {
  readonly routers: Readonly<Record<string, VersionStanding>>;
}

const orderSchema = z.strictObject({
  router: z.string().max(256).optional(),
  version: z.string().max(64).optional(),
});

/** Which versions are in use, and the orders to promote one or to roll it back: docs/canary.md. */
export function createVersionsArea(routers: Routers): Hono {
  const app = new Hono();
  app.get('/admin/versions', (context) => context.json(versionsOf(routers)));
  app.post('/admin/versions/promote', async (context) => {
    const { name, version, versions } = await orderOf(context, routers);
    await versions.promote(version);
    return context.json({ router: name, ...versions.standing() });
  });
  app.post('/admin/versions/rollback', async (context) => {
    const { name, version, versions } = await orderOf(context, routers);
    if (version !== undefined && version !== versions.standing().canary?.version)
      throw new InvalidInputError(
        `${version} is not on trial. Leave out \`version\`, or promote an earlier one.`,
      );
    await versions.rollBack();
    return context.json({ router: name, ...versions.standing() });
  });
  return app;
}

function versionsOf(routers: Routers): VersionsAnswer {
  const standings = routers.names.map((name): [string, VersionStanding] => [
    name,
    routers.versions(name)?.standing() ?? {
      champion: { version: null, artifactId: routers.get(name)?.manifest.id ?? '' },
      canary: null,
      verdicts: [],
    },
  ]);
  return { routers: Object.fromEntries(standings) };
}

/** @throws InvalidInputError for an order that cannot be followed. */
async function orderOf(
  context: Context,
  routers: Routers,
): Promise<{ name: string; version: string | undefined; versions: Versions }> {
  const { data, success } = orderSchema.safeParse(await context.req.json().catch(() => null));
  if (!success)
    throw new InvalidInputError(
      'The body must be such as {"router": "support"}, with `version` where one is meant.',
    );
  const name = data.router ?? routers.defaultName ?? '';
  const versions = routers.versions(name);
  if (versions === undefined)
    throw new InvalidInputError(
      `\`router\` must be one with \`canary\` in its configuration. Got "${name.slice(0, 100)}".`,
    );
  return { name, version: data.version, versions };
}

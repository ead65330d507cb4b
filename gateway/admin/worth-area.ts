import { Hono } from 'hono';
import { InvalidInputError, type Limits, type PolicySpec, type Router } from 'pointsman';
import { z } from 'zod';
import type { CheckedConfig } from '../config/schema.ts';
import type { Routers } from '../routing/routers.ts';
import { type LoggedDecision, readLoggedSample } from '../worth/logged-sample.ts';
import { savingsOf } from '../worth/savings.ts';
import { type Moved, whatIf } from '../worth/what-if.ts';
import { bodyOf, NotThereError } from './admin-api.ts';

const amount = z.number().nonnegative();
const movedSchema = z.strictObject({
  router: z.string().max(256).optional(),
  weights: z
    .union([
      z.enum(['best', 'balanced', 'cheapest']),
      z.strictObject({ quality: amount, cost: amount, latency: amount }),
    ])
    .optional(),
  limits: z
    .strictObject({
      maxCostUsd: amount.optional(),
      maxLatencyMs: amount.optional(),
      minSuccessProbability: z.number().min(0).max(1).optional(),
      deny: z.array(z.string().max(256)).max(1000).optional(),
    })
    .optional(),
});

/** A page asks again and again; the log is read as often as this at most. */
const FRESH_MS = 20_000;

/** What decisions were worth, and would have been, as far as the decision log can say. */
export function createWorthArea(
  config: Pick<CheckedConfig, 'log' | 'routers'>,
  routers: Routers,
  clock: () => number = Date.now,
): Hono {
  let read: { readonly at: number; readonly sample: Promise<readonly LoggedDecision[]> } | undefined;
  const sampleOf = async ({ manifest }: Router) => {
    const folder = config.log?.folder;
    if (folder === undefined)
      throw new NotThereError(
        config.log === undefined
          ? 'There are no files of a decision log to learn this from. Give `log: { folder: ... }` in the configuration, or --log.'
          : `The decision log goes to ${config.log.postgres === undefined ? 'Redis' : 'PostgreSQL'}, and these figures are read from files alone. Give \`log: { folder: ... }\` for them.`,
      );
    if (read === undefined || clock() - read.at >= FRESH_MS)
      read = { at: clock(), sample: readLoggedSample(folder) };
    // Of every version of this router.
    return (await read.sample).filter(({ decision }) => decision.artifactId.startsWith(`${manifest.name}-`));
  };
  const named = (name: string | undefined): { readonly name: string; readonly router: Router } => {
    const wanted = name ?? routers.defaultName ?? '';
    const router = routers.get(wanted);
    if (router === undefined) throw new NotThereError(`There is no router "${wanted.slice(0, 100)}".`);
    return { name: wanted, router };
  };
  const app = new Hono();
  app.get('/admin/savings', async (context) => {
    const { router } = named(context.req.query('router'));
    return context.json(savingsOf(router, await sampleOf(router)));
  });
  app.post('/admin/what-if', async (context) => {
    const { data, error, success } = movedSchema.safeParse(await bodyOf(context));
    if (!success) {
      const [issue] = error.issues;
      throw new InvalidInputError(`\`${issue?.path.join('.')}\` is wrong: ${issue?.message}.`);
    }
    const { limits, weights } = data;
    const { name, router } = named(data.router);
    const moved: Moved = {
      ...(weights === undefined ? {} : { weights }),
      ...(limits === undefined ? {} : { limits: limits as Limits }),
    };
    const policy = config.routers[name]?.policy as PolicySpec | undefined;
    return context.json(await whatIf(router, policy, await sampleOf(router), moved));
  });
  return app;
}

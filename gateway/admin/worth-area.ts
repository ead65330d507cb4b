import { Hono } from 'hono';
import { InvalidInputError, type Limits, type PolicySpec, type Router } from 'pointsman';
import { z } from 'zod';
import type { CheckedConfig } from '../config/schema.ts';
import type { DecisionRecords } from '../records/decision-records.ts';
import type { Routers } from '../routing/routers.ts';
import type { DecisionSample, ReadSample } from '../sample/decision-sample.ts';
import { createTrainingExamples, type Nearest, nearestEarlier } from '../sample/nearest.ts';
import { routerOf, SAMPLED_MS, type SampledPeriod } from '../sample/sample-file.ts';
import { savingsOf } from '../worth/savings.ts';
import { type Moved, whatIf } from '../worth/what-if.ts';
import { bodyOf, NotThereError } from './admin-api.ts';

const amount = z.number().nonnegative();
const period = z.enum(Object.keys(SAMPLED_MS) as [SampledPeriod]);
const movedSchema = z.strictObject({
  period: period.optional(),
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

/** A page asks again and again; the sample is read as often as this at most. */
const FRESH_MS = 20_000;

const forgetSchema = z.strictObject({ user: z.string().min(1).max(10_000) });

interface WorthParts {
  readonly config: Pick<CheckedConfig, 'routers' | 'sample'>;
  readonly records: Pick<DecisionRecords, 'get'>;
  readonly routers: Routers;
  readonly sample: DecisionSample;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

/**
 * What the gateway's own sample of decisions says: what they were worth, what others would have been, and what was asked before that is most like a
 * request. Who is to be forgotten there is told here, too.
 */
export function createWorthArea({ clock = Date.now, config, records, routers, sample }: WorthParts): Hono {
  let read: { readonly of: string; readonly at: number; readonly sample: Promise<ReadSample> } | undefined;
  const sampleOf = ({ manifest }: Router, of: SampledPeriod): Promise<ReadSample> => {
    if (config.sample.keptDays === 0)
      throw new NotThereError(
        'The gateway keeps no decisions to learn this from: `sample.keptDays` of its configuration is 0. Set it to 31.',
      );
    const asked = `${of} ${manifest.name}`;
    if (read === undefined || read.of !== asked || clock() - read.at >= FRESH_MS)
      read = { of: asked, at: clock(), sample: sample.read(manifest.name, of) };
    return read.sample;
  };
  const named = (name: string | undefined): { readonly name: string; readonly router: Router } => {
    const wanted = name ?? routers.defaultName ?? '';
    const router = routers.get(wanted);
    if (router === undefined) throw new NotThereError(`There is no router "${wanted.slice(0, 100)}".`);
    return { name: wanted, router };
  };
  /** A router's name in the configuration, by the one in its artifacts. */
  const nameOf = (of: string) => routers.names.find((name) => routers.get(name)?.manifest.name === of);
  const examples = createTrainingExamples((of) => config.routers[nameOf(of) ?? '']?.folder);
  const app = new Hono();
  app.get('/admin/savings', async (context) => {
    const { router } = named(context.req.query('router'));
    const { data, success } = period.safeParse(context.req.query('period') ?? 'month');
    if (!success) throw new InvalidInputError('`period` must be one of: hour, day, month.');
    return context.json(savingsOf(router, await sampleOf(router, data)));
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
    return context.json(await whatIf(router, policy, await sampleOf(router, data.period ?? 'month'), moved));
  });
  app.get('/admin/decisions/:id/nearest', async (context) => {
    const id = context.req.param('id');
    const artifactId = records.get(id)?.decision.artifactId;
    if (artifactId === undefined)
      throw new NotThereError(
        'This decision is not among the newest that the gateway keeps. Older ones are in the decision log.',
      );
    const beside = sample.vectorOf(id) ?? { embedder: null, embedding: null };
    const router = routers.get(nameOf(routerOf(artifactId)) ?? '');
    const nearest: Nearest = {
      ...(await nearestEarlier(sample, routerOf(artifactId), id, beside)),
      examples:
        beside.embedding === null || router === undefined
          ? null
          : await examples.nearest(router, artifactId, beside.embedding),
    };
    return context.json(nearest);
  });
  app.post('/admin/sample/forget', async (context) => {
    const { data, success } = forgetSchema.safeParse(await bodyOf(context));
    if (!success) throw new InvalidInputError('The body must be {"user": "..."}, who asked.');
    read = undefined;
    return context.json({ removed: await sample.forget(data.user) });
  });
  return app;
}

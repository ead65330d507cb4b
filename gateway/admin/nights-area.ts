import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hono } from 'hono';
import { z } from 'zod';
import type { CheckedConfig } from '../config/schema.ts';

const alarm = z.object({ sentence: z.string() }).or(z.string().transform((sentence) => ({ sentence })));

/** Of `runs/<id>.json`, which `pointsman retrain` writes, what is shown. */
const nightSchema = z.object({
  id: z.string(),
  startedAt: z.string(),
  outcome: z.enum(['promoted', 'kept', 'failed']),
  dryRun: z.boolean(),
  sentence: z.string(),
  champion: z.string().nullable(),
  challenger: z.string().nullable(),
  gate: z
    .object({
      passed: z.boolean(),
      sentence: z.string(),
      rows: z.number(),
      agreement: z.number().nullable(),
      tests: z
        .array(z.object({ name: z.string().optional(), passed: z.boolean(), sentence: z.string() }))
        .catch([]),
    })
    .nullable()
    .catch(null),
  drift: z
    .object({
      populations: z.array(
        z.object({ what: z.string(), index: z.number().nullable().catch(null), alarm: z.boolean() }),
      ),
      embeddings: z.object({ pValue: z.number(), alarm: z.boolean() }).nullable(),
      candidates: z.array(
        z.object({
          candidate: z.string(),
          measure: z.string(),
          shift: z.number().nullable(),
          changedAtMs: z.number().nullable(),
          alarm: z.boolean(),
        }),
      ),
    })
    .nullable()
    .catch(null),
  alarms: z.array(alarm).catch([]),
});

/** A retraining, as its record tells of it. */
export type Night = z.output<typeof nightSchema>;

/** Of `runs/progress.json`, which a retraining writes while it is under way: docs/retraining.md. */
const progressSchema = z.object({
  schemaVersion: z.literal(1),
  startedAt: z.string(),
  updatedAt: z.string(),
  step: z.string(),
  done: z.number().nullable(),
  total: z.number().nullable(),
  unit: z.string().nullable(),
  secondsLeft: z.number().nullable(),
});

/** How far a retraining is that is under way, or was when it was last heard of. */
export type NightProgress = z.output<typeof progressSchema>;

const PROGRESS_FILE = 'progress.json';

/** `GET /admin/nights`: of each router its latest retrainings, the latest first, and the versions in its folder. */
export interface NightsAnswer {
  readonly routers: Readonly<
    Record<
      string,
      {
        readonly nights: readonly Night[];
        readonly versions: readonly string[];
        /** Null where none is under way. */
        readonly progress: NightProgress | null;
      }
    >
  >;
}

const MOST_NIGHTS = 60;

/** What retrainings found and decided: they leave it in the folder of the router, which the gateway only reads. */
export function createNightsArea({ routers }: Pick<CheckedConfig, 'routers'>): Hono {
  const app = new Hono();
  app.get('/admin/nights', async (context) => {
    const each = Object.entries(routers).map(async ([name, { folder }]) => {
      const versions = (await namesIn(folder)).filter((file) => /^v-[0-9a-f]{12}$/.test(file));
      const progress = await progressOf(folder);
      return [name, { nights: await nightsOf(folder), versions, progress }] as const;
    });
    return context.json({ routers: Object.fromEntries(await Promise.all(each)) } satisfies NightsAnswer);
  });
  return app;
}

async function nightsOf(folder: string): Promise<Night[]> {
  const names = (await namesIn(join(folder, 'runs'))).filter(
    (file) => /^[\w.-]+\.json$/.test(file) && file !== PROGRESS_FILE,
  );
  const latest = names.sort().reverse().slice(0, MOST_NIGHTS);
  const found = await Promise.all(
    latest.map(async (file) => {
      try {
        return nightSchema.safeParse(JSON.parse(await readFile(join(folder, 'runs', file), 'utf8'))).data;
      } catch {
        // One that is being written is there the next time.
        return undefined;
      }
    }),
  );
  return found.filter((night) => night !== undefined);
}

async function progressOf(folder: string): Promise<NightProgress | null> {
  try {
    const text = await readFile(join(folder, 'runs', PROGRESS_FILE), 'utf8');
    return progressSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

import { Hono } from 'hono';
import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { objectionToQuery, type Rollups } from '../rollups/open-rollups.ts';
import { ROLLUP_LABELS, type RollupAnswer } from '../rollups/rollup.ts';

const HOUR_MS = 3_600_000;

/** What is shown where no time is said: the last hour, day or month. */
const RANGE_MS = { minute: HOUR_MS, hour: 24 * HOUR_MS, day: 31 * 24 * HOUR_MS, all: 24 * HOUR_MS };

const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-11-29T00:00:00Z' })
  .or(z.iso.date().transform((day) => `${day}T00:00:00Z`));
const label = z.string().max(256).optional();

const querySchema = z.strictObject({
  from: time.optional(),
  to: time.optional(),
  by: z.enum(['minute', 'hour', 'day', 'all'], { error: 'must be minute, hour, day or all' }).default('day'),
  group: z
    .string()
    .default('')
    .transform((text) => [...new Set(text.split(',').filter((name) => name !== ''))])
    .pipe(z.array(z.enum(ROLLUP_LABELS, { error: `must be some of ${ROLLUP_LABELS.join(', ')}` }))),
  router: label,
  version: label,
  candidate: label,
  task: label,
  key: label,
});

/** `GET /admin/rollups`: docs/rollups.md. */
export function createRollupsArea(rollups: Rollups, clock: () => number = Date.now): Hono {
  const app = new Hono();
  app.get('/admin/rollups', async (context) =>
    context.json((await rollups.read(queryOf(context.req.query(), clock()))) satisfies RollupAnswer),
  );
  return app;
}

/** @throws InvalidInputError naming the parameter that is wrong. */
function queryOf(given: Record<string, string>, now: number): Parameters<Rollups['read']>[0] {
  const { data, error, success } = querySchema.safeParse(given);
  if (!success) {
    const [issue] = error.issues;
    const what = issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue.path[0];
    const why = issue.code === 'unrecognized_keys' ? 'is not known' : issue.message;
    throw new InvalidInputError(`\`${String(what)}\` ${why}. See docs/rollups.md.`);
  }
  const { by, from, group, to, ...labels } = data;
  const end = to === undefined ? now : Date.parse(to);
  const query = {
    by,
    group,
    from: from === undefined ? end - RANGE_MS[by] : Date.parse(from),
    to: end,
    only: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined)),
  };
  const objection = objectionToQuery(query);
  if (objection !== null) throw new InvalidInputError(objection);
  return query;
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { smallest } from 'pointsman/internal';
import { monthFigure } from '../data/month/month-figure.ts';
import { type MonthDay, simulateMonth } from '../data/month/simulate-month.ts';
import { THE_MONTH } from '../data/month/the-month.ts';

const OUT = fileURLToPath(new URL('../docs/month.svg', import.meta.url));

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(THE_MONTH.seed) },
    days: { type: 'string', default: String(THE_MONTH.days) },
    figure: { type: 'boolean', default: false },
    degrade: { type: 'string', default: THE_MONTH.events.degrade.candidate },
    reprice: { type: 'string', default: THE_MONTH.events.reprice.candidate },
    memory: { type: 'string' },
  },
});

/** How much of an outcome the champion's expectations count for. */
function withMemory(memory: number) {
  const { config } = THE_MONTH;
  return { ...config, train: { ...config.train, offPolicy: { memory } } };
}

/** One line a day, while the month goes by. */
function describeDay({ bestSingle, challenger, day, oracle, router, run }: MonthDay): string {
  const points = (quality: number) => (100 * quality).toFixed(1);
  const alarms = run.alarms.map(({ sentence }) => `\n      ! ${sentence}`).join('');
  return (
    `${String(day).padStart(2)}  router ${points(router.quality)} (${points(router.qualityUnexplored)} unexplored)  best ${points(bestSingle.quality)} ${bestSingle.candidate}` +
    `  oracle ${points(oracle)}  challenger ${challenger === null ? '–' : points(challenger.qualityUnexplored)}  ${run.durationMs} ms  ` +
    `$${(1000 * router.costUsd).toFixed(3)}\n      ${run.sentence}${run.restated.map((one) => `\n      restated ${JSON.stringify(one)}`).join('')}${alarms}`
  );
}

const folder = await mkdtemp(join(tmpdir(), 'pointsman-month-'));
try {
  const { degrade, reprice } = THE_MONTH.events;
  const events = {
    degrade: { ...degrade, candidate: values.degrade },
    reprice: { ...reprice, candidate: values.reprice },
  };
  const month = await simulateMonth({
    ...THE_MONTH,
    folder,
    days: Number(values.days),
    seed: Number(values.seed),
    events,
    ...(values.memory === undefined ? {} : { config: withMemory(Number(values.memory)) }),
    onDay: (day) => console.log(describeDay(day)),
  });
  const least = smallest(month.days.map(({ bestSingle, router }) => router.quality - bestSingle.quality));
  console.log(`Least above best single: ${(100 * least).toFixed(2)} points`);
  if (month.unscreened !== null)
    console.log(
      `Unscreened, day ${month.unscreened.day}: ${month.unscreened.run.sentence} (truly ${(100 * month.unscreened.challenger.qualityUnexplored).toFixed(1)})`,
    );
  if (values.figure) {
    await writeFile(OUT, monthFigure(month, events, THE_MONTH.poison));
    console.log(`Drawn to ${OUT}`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

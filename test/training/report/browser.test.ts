import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { renderReport } from '../../../training/report/report.ts';
import type { RetrainRun } from '../../../training/retrain/run.ts';
import { renderRun } from '../../../training/retrain/run-page.ts';
import { hasChromium, openChromium, openPage } from '../../fixtures/chromium.ts';
import { retrainRun } from '../../fixtures/retrain-run.ts';
import { syntheticWorld } from '../evaluate/synthetic-world.ts';

const quick = { resamples: 100 };
const long = ['70b', '8b', '405b'].map(
  (size) => `accounts/a-very-long-organisation-name/models/llama-${size}-instruct-fp8`,
);
const tasks = ['first', 'second', 'third'].map((one) => `${'a-task-with-a-very-long-name-'.repeat(4)}${one}`);

async function singleAnswers(): Promise<string> {
  const world = syntheticWorld({ rows: 2000, observed: 1, candidates: long });
  return renderReport(evaluate({ ...world, propensities: await loggingPropensities(world.matrix) }, quick));
}

const PAGES: readonly (readonly [string, () => string | Promise<string>])[] = [
  [
    'a report',
    () =>
      renderReport(evaluate(syntheticWorld({ rows: 800 }), quick), {
        title: 'demo: is it better than no router?',
      }),
  ],
  [
    'a report of long names',
    () =>
      renderReport(
        evaluate({ ...syntheticWorld({ rows: 800, candidates: long, tasks }), config: CONFIG }, quick),
      ),
  ],
  ['a report of single answers', singleAnswers],
  ['a report without costs', () => renderReport(evaluate(syntheticWorld({ rows: 400, costs: null }), quick))],
  ['a retraining', () => renderRun(retrainRun(['poet', 'reckoner', 'large']))],
  ['a retraining of long names', () => renderRun(retrainRun(long))],
  ['the first night', () => renderRun(firstNight())],
];

/** Two days of outcomes, and nothing before them to compare with. */
function firstNight(): RetrainRun {
  const run = retrainRun(['poet', 'reckoner']);
  const drift = run.drift!;
  return {
    ...run,
    champion: null,
    drift: {
      ...drift,
      candidates: drift.candidates.map((shift) => ({ ...shift, days: shift.days.slice(0, 2), alarm: false })),
      embeddings: { discrepancy: Number.NaN, pValue: Number.NaN, rows: [0, 200], alarm: false },
    },
  };
}
const CONFIG = { text: 'x'.repeat(500) };

/** What stands out of the page sideways: elements, and texts of figures, but for what lies in a box that scrolls. */
const CUT_OFF = `
  [...document.querySelectorAll('main *')]
    .filter((element) => !element.closest('.scroll table, pre'))
    .filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width > 0 && (left < -0.5 || right > document.documentElement.clientWidth + 0.5);
    })
    .map((element) => element.tagName + ' ' + element.textContent.slice(0, 60))`;

/** Texts of figures that stand out of their figure, by more than the side of a letter. */
const OUT_OF_FIGURE = `
  [...document.querySelectorAll('figure svg text')]
    .filter((text) => {
      const [own, box] = [text, text.ownerSVGElement].map((element) => element.getBoundingClientRect());
      return own.left < box.left - 3 || own.right > box.right + 3 || own.top < box.top - 3 || own.bottom > box.bottom + 3;
    })
    .map((text) => text.textContent)`;

/** Tables of which a part is out of sight until their box is scrolled. */
const OUT_OF_SIGHT = `
  [...document.querySelectorAll('.scroll')]
    .filter((box) => box.scrollWidth > box.clientWidth)
    .map((box) => box.getAttribute('aria-label'))`;

const WIDTHS = '[document.documentElement.scrollWidth, document.documentElement.clientWidth]';

describe.skipIf(!hasChromium)('in a browser', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    // Scrollbars take room from a page, as they do on a desk.
    browser = await openChromium({ ignoreDefaultArgs: ['--hide-scrollbars'] });
    ({ page } = await openPage(browser));
  }, 60_000);
  afterAll(() => browser?.close());

  /** @param width in CSS pixels. */
  async function show(markup: string, width: number, colorScheme: 'light' | 'dark' = 'light') {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await page.setContent(markup);
  }

  it.each(PAGES)('%s has nothing cut off, on a phone and on a desk', async (_, render) => {
    const markup = await render();
    for (const width of [400, 700, 1280]) {
      await show(markup, width);
      const [scrolled, seen] = await page.evaluate<number[]>(WIDTHS);
      expect(scrolled, `at ${width} px`).toBeLessThanOrEqual(seen);
      expect(await page.evaluate(CUT_OFF), `at ${width} px`).toEqual([]);
      expect(await page.evaluate(OUT_OF_FIGURE), `at ${width} px`).toEqual([]);
      if (width !== 700) expect(await page.evaluate(OUT_OF_SIGHT), `at ${width} px`).toEqual([]);
    }
  });

  it('says on a phone of each figure of a wide table what it is', async () => {
    await show(await PAGES[0][1](), 400);
    const said = await page.evaluate<string[]>(`[...document.querySelectorAll('.stacks td')].map((cell) =>
      getComputedStyle(cell, '::before').content)`);
    expect(said.length).toBeGreaterThan(30);
    expect(said.filter((heading) => !/^".+"$/.test(heading))).toEqual([]);
    expect(said).toContain('"Loss shown"');
  });

  it('reaches every column of a table that is wider than its box by scrolling', async () => {
    await show(await PAGES[0][1](), 700);
    await page.evaluate(`document.querySelector('main').style.width = '400px'`);
    const reached = await page.evaluate<boolean[]>(`[...document.querySelectorAll('.scroll')].map((box) => {
      box.scrollLeft = box.scrollWidth;
      const cells = [...box.querySelectorAll('tr')].map((row) => row.lastElementChild.getBoundingClientRect().right);
      return cells.every((right) => right <= box.getBoundingClientRect().right + 1);
    })`);
    expect(reached.length).toBeGreaterThan(3);
    expect(reached).toEqual(reached.map(() => true));
  });

  it('shows candidates of long names apart, in figures and tables, with the whole name at hand', async () => {
    await show(await PAGES[1][1](), 400);
    const ticks = await page.evaluate<string[]>(
      `[...document.querySelectorAll('svg text')].map((text) => text.textContent)`,
    );
    for (const size of ['70b', '8b', '405b'])
      expect(ticks.some((text) => new RegExp(`…${size}…`).test(text))).toBe(true);
    const notes = await page.evaluate<string>(`document.querySelector('main').textContent`);
    for (const name of long) expect(notes).toContain(name);
  });

  it('is light or dark, as the reader likes it', async () => {
    const markup = await PAGES[0][1]();
    const background = async (scheme: 'light' | 'dark') => {
      await show(markup, 400, scheme);
      return page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    };
    expect(await background('light')).toBe('rgb(255, 255, 255)');
    expect(await background('dark')).toBe('rgb(19, 23, 27)');
  });
});

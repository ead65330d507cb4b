import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import type { RetrainRun } from '../../../training/retrain/run.ts';
import { renderRun } from '../../../training/retrain/run-page.ts';
import { retrainRun } from '../../fixtures/retrain-run.ts';

const pageOf = (run: RetrainRun) => parseHTML(renderRun(run)).document;
const run = retrainRun(['poet', 'reckoner']);

/** The run with other residuals, day by day from 2026-01-30 on. */
function withDays(residuals: readonly number[], standardError: number | null = 0.01): RetrainRun {
  const days = residuals.map((residual, i) => ({
    day: new Date(Date.UTC(2026, 0, 30 + i)).toISOString().slice(0, 10),
    rows: 60,
    residual,
    standardError,
  }));
  const candidates = run.drift!.candidates.map((shift) => ({ ...shift, days }));
  return { ...run, drift: { ...run.drift!, candidates } };
}

const ticksOf = (run: RetrainRun, axis: 'x' | 'y') =>
  [...pageOf(run).querySelectorAll(`[aria-label="${axis}-axis tick label"] text`)].map(
    (text) => text.textContent,
  );

test('embeddings of which there are none before are not compared, and no NaN is shown', () => {
  const embeddings = { discrepancy: Number.NaN, pValue: Number.NaN, rows: [0, 200] as const, alarm: false };
  const text = pageOf({ ...run, drift: { ...run.drift!, embeddings } }).body.textContent;
  expect(text).toContain(
    'Embeddings were not compared, as there are 0 prompts from before and 200 of the newest.',
  );
  expect(text).not.toContain('NaN');
});

test('days are named as days, some of them where there are many', () => {
  expect(ticksOf(withDays([0, 0.01]), 'x').slice(0, 2)).toEqual(['30 Jan', '31 Jan']);
  const month = ticksOf(withDays(Array.from({ length: 30 }, () => 0)), 'x');
  expect(month.slice(0, 5)).toEqual(['30 Jan', '5 Feb', '11 Feb', '17 Feb', '23 Feb']);
  expect(month).toHaveLength(10); // two candidates
});

test('drift is drawn as large as it is, and small noise is not drawn large', () => {
  const largestTick = (run: RetrainRun) =>
    Math.max(...ticksOf(run, 'y').map((tick) => Math.abs(Number(tick?.replace('\u2212', '-')))));
  expect(largestTick(withDays([0.001, -0.002, 0.001, 0]))).toBeLessThanOrEqual(5);
  expect(largestTick(withDays([0.1, 0.12, -0.1, 0.11]))).toBeGreaterThanOrEqual(10);
  expect(largestTick(withDays([0.1, 0.12, -0.1, 0.11]))).toBeLessThanOrEqual(15);
  expect(largestTick(withDays([0, 0, 0, -0.9]))).toBeGreaterThanOrEqual(50);
  expect(largestTick(withDays([0.02], null))).toBe(Number.NEGATIVE_INFINITY); // one day is no course
});

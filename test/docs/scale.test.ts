import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';

const page = readFileSync(join(root, 'docs/scale.md'), 'utf8');
const folder = join(root, 'bench/results');
const measured = new Map<string, number>(
  readdirSync(folder)
    .flatMap((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')).lines)
    .map(({ name, value }) => [name, value]),
);
const line = (name: string): number => {
  expect(measured.has(name), `${name} is a line of a bench`).toBe(true);
  return measured.get(name)!;
};

const PROMPTS = 1e9;
const TRAININGS = 1000;
const CORES = 2;
const HOUR = 3600;
const DOLLARS = 0.04;

/** Core-hours a day, from what was measured. */
const PLAN: Readonly<Record<string, (value: number) => number>> = {
  'logs: 1 M rows of LiteLLM': (perSecond) => (CORES * PROMPTS) / perSecond / HOUR,
  'ingest: 1 M rows': (perSecond) => (CORES * PROMPTS) / perSecond / HOUR,
  'static embedder, p50': (microseconds) => (PROMPTS * microseconds) / 1e6 / HOUR,
  'use embedder, a text': (milliseconds) => (PROMPTS * milliseconds) / 1e3 / HOUR,
  'large: 300,000 prompts × 9, one outcome a prompt': (seconds) => (CORES * TRAININGS * seconds) / HOUR,
};

describe('the plan on paper', () => {
  const rows = [...page.matchAll(/^\| [^|]+ \| `([^`]+)` \| [^|]+ \| ([\d.,]+) \| ([\d.,]+) \|$/gm)];
  const number = (text: string): number => Number(text.replaceAll(',', ''));

  it('is of these lines', () => {
    expect(rows.map(([, name]) => name)).toEqual(Object.keys(PLAN));
  });

  it.each(Object.entries(PLAN))('works out core-hours and dollars from "%s"', (name, hoursOf) => {
    const [, , hours, dollars] = rows.find((row) => row[1] === name)!;
    const expected = hoursOf(line(name));
    expect(number(hours) / expected).toBeCloseTo(1, 1.5);
    expect(number(dollars) / (expected * DOLLARS)).toBeCloseTo(1, 1.5);
  });

  it('works out the memory of a router with a million prompts', () => {
    const peakMb = line('large: 300,000 prompts × 9, one outcome a prompt, peak memory');
    const [, gigabytes] = /so ([\d.]+) GB for/.exec(page)!;
    expect(Number(gigabytes) / ((peakMb / 1000) * (1 / 0.3))).toBeCloseTo(1, 1.5);
  });
});

it('names lines of the benches that are there', () => {
  const names = [...page.matchAll(/`(scale: [^`]+)`/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) line(name);
});

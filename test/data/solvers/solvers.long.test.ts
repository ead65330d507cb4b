import { beforeAll, describe, expect, test } from 'vitest';
import { longestText } from '../../../data/solvers/candidates/define-solver.ts';
import type { Solver } from '../../../data/solvers/candidates/solver.ts';
import { loadSolvers } from '../../../data/solvers/candidates/solvers.ts';
import { generatePrompts } from '../../../data/solvers/generate-prompts.ts';
import { qualityMarkdown, qualityTable } from '../../../data/solvers/quality-table.ts';
import { type SampleRow, sampleTraffic } from '../../../data/solvers/sample-traffic.ts';
import { outcomeRowSchema } from '../../../training/outcomes/outcome.ts';

const seed = 3;
let solvers: readonly Solver[];
let rows: SampleRow[];

async function traffic(prompts: number): Promise<SampleRow[]> {
  const made: SampleRow[] = [];
  for await (const row of sampleTraffic({ prompts, seed })) made.push(row);
  return made;
}

beforeAll(async () => {
  solvers = await loadSolvers();
  rows = await traffic(240);
});

function solver(name: string): Solver {
  return solvers.find((each) => each.name === name)!;
}

describe('sampleTraffic', () => {
  test('gives a valid row for every prompt and solver, in order of time within sixty days', () => {
    expect(rows).toHaveLength(240 * solvers.length);
    for (const row of rows) expect(outcomeRowSchema.safeParse(row).error).toBeUndefined();
    const times = rows.map((row) => Date.parse(row.timestamp));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)! - times[0]!).toBeLessThan(60 * 86_400_000);
  });

  test('differs from run to run in nothing but the measured latencies', async () => {
    const timeless = (some: SampleRow[]) => some.map((row) => ({ ...row, latencyMs: 0 }));
    expect(timeless(await traffic(30))).toEqual(timeless(await traffic(30)));
    expect(rows.every((row) => row.latencyMs >= 0)).toBe(true);
  });

  test('asks with the words of the user alone: the answer in a row is what the solver says to them', async () => {
    const texts = new Map(generatePrompts({ count: 240, seed }).map(({ id, text }) => [id, text]));
    for (const row of rows.slice(0, 160)) {
      expect(await solver(row.candidate).solve(texts.get(row.requestId)!)).toBe(row.metadata.answer);
    }
  });

  test('charges the stated price for the tokens', () => {
    for (const row of rows) {
      const { inputPricePerMillionTokens, outputPricePerMillionTokens } = solver(row.candidate).price;
      const usd =
        (row.inputTokens * inputPricePerMillionTokens + row.outputTokens * outputPricePerMillionTokens) / 1e6;
      expect(row.costUsd).toBeCloseTo(usd, 9);
    }
  });
});

describe('the solvers', () => {
  test('are each, on some prompt, the cheapest that does best', () => {
    const winners = new Set<string>();
    for (let i = 0; i < rows.length; i += solvers.length) {
      const asked = rows.slice(i, i + solvers.length);
      const best = Math.max(...asked.map((row) => row.quality));
      const winner = asked
        .filter((row) => row.quality === best && best > 0)
        .sort((a, b) => a.costUsd - b.costUsd)[0];
      if (winner !== undefined) winners.add(winner.candidate);
    }
    expect([...winners].sort()).toEqual(solvers.map(({ name }) => name).sort());
  });

  test('make a routing problem: no one is best in half of the families, and the oracle is far above the best', () => {
    const table = qualityTable(rows);
    const best = table.families.map(
      (family) =>
        table.solvers.reduce((a, b) => (b.byFamily.get(family)! > a.byFamily.get(family)! ? b : a)).candidate,
    );
    expect(new Set(best).size).toBeGreaterThanOrEqual(6);
    for (const name of new Set(best))
      expect(best.filter((each) => each === name).length).toBeLessThanOrEqual(best.length / 2);
    expect(table.oracle - table.bestSingle).toBeGreaterThan(0.15);
    expect(qualityMarkdown(table).split('\n')[0]).toContain('| generalist |');
  });

  test('answer as many digits and signs as they take in seconds, and nothing longer', async () => {
    const start = performance.now();
    for (const unit of ['12345678901', '3x + ', '1, ', 'a = b ', '((', '"a" ']) {
      for (const each of solvers) await each.solve(unit.repeat(Math.floor(longestText / unit.length)));
    }
    expect(performance.now() - start).toBeLessThan(30_000);
    for (const each of solvers)
      expect(await each.solve(`What is 1 + 1? ${' '.repeat(longestText)}`)).toBeNull();
  });
});

import { expect, it } from 'vitest';
import { localCascade } from '../../docs/examples/local-cascade.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();

it('a cascade with a local model on the answer, and cascade routing, cost less than the strongest alone, and are as good', async () => {
  const told: string[] = [];
  const measured = await localCascade((line) => told.push(line), {
    prompts: 400,
    requests: 100,
    folder,
    quick: true,
  });
  const cheapest = measured['always the cheapest'];
  const strongest = measured['always the strongest'];
  expect(cheapest.quality).toBeLessThan(0.3);
  for (const way of ['cascade on the answer', 'cascade routing']) {
    expect(measured[way].quality).toBeGreaterThan(strongest.quality - 0.06);
    expect(measured[way].costUsd).toBeLessThan(0.9 * strongest.costUsd);
    expect(measured[way].costUsd).toBeGreaterThan(cheapest.costUsd);
  }
  expect(told[0]).toMatch(/^Answers tell more than their prompts do/);
  expect(told.length).toBe(6);
});

import { expect, it } from 'vitest';
import { answerCascade } from '../../docs/examples/answer-cascade.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();

it('a cascade of local programs on the answer costs less than the strongest alone, and is as good', async () => {
  const told: string[] = [];
  const measured = await answerCascade((line) => told.push(line), {
    prompts: 400,
    requests: 100,
    folder,
    quick: true,
  });
  const cheapest = measured['always the cheapest'];
  const strongest = measured['always the strongest'];
  const byAnswer = measured['cascade on the answer'];
  expect(cheapest.quality).toBeLessThan(0.3);
  expect(byAnswer.quality).toBeGreaterThan(strongest.quality - 0.03);
  expect(byAnswer.costUsd).toBeLessThan(0.9 * strongest.costUsd);
  expect(byAnswer.costUsd).toBeGreaterThan(cheapest.costUsd);
  expect(told[0]).toMatch(/^Answers tell more than their prompts do/);
  expect(told.length).toBe(5);
});

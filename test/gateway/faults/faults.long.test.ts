import { it } from 'vitest';
import { checkFaults } from './check-faults.ts';

it('of 20,000 requests through upstreams that break and from clients that misbehave, each ends in the right answer or in an error of its protocol within its deadline, and nothing stays open', async () => {
  await checkFaults(20_000, 48, 1_000);
});

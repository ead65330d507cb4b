import { describe, expect, it } from 'vitest';
import { createOpenGuard } from '../../../gateway/keys/guard.ts';
import { RefusalError, type RefusalKind } from '../../../gateway/problem.ts';

describe('a gateway without keys', () => {
  it('lets anybody do anything, and takes down nothing', async () => {
    const guard = createOpenGuard();
    const grant = await guard.admit({
      action: 'answer',
      token: null,
      router: 'default',
      candidate: null,
      inputTokens: 10,
    });
    expect(grant).toMatchObject({ keyId: null, tier: null, candidates: null });
    const reservation = await grant.reserve({ candidate: 'small', costUsd: null, inputTokens: 10 });
    await expect(reservation.settle({ costUsd: 1, inputTokens: 10, outputTokens: 5 })).resolves.toBe(
      undefined,
    );
    expect(await guard.ready()).toBe(true);
    await guard.close();
  });
});

describe('a refusal', () => {
  it.each<[RefusalKind, number]>([
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['rate-limited', 429],
    ['over-budget', 402],
    ['unavailable', 503],
  ])('%s has the status %i', (kind, status) => {
    expect(new RefusalError(kind, 'No.', 1500)).toMatchObject({
      status,
      code: 'REFUSED',
      retryAfterMs: 1500,
    });
  });
});

import type { KeyRecord } from '../../../gateway/state/key-record.ts';
import type { Account, AccountLimits, ReserveRequest } from '../../../gateway/state/state.ts';

/** An account without limits but those that are given. */
export function anAccount(id: string, limits: Partial<AccountLimits> = {}): Account {
  return {
    id,
    limits: {
      requestsPerMinute: null,
      tokensPerMinute: null,
      nanoUsdPerDay: null,
      nanoUsdPerMonth: null,
      ...limits,
    },
  };
}

let made = 0;

/** One request of one account, under an id of its own. */
export function aRequest(account: Account, request: Partial<ReserveRequest> = {}): ReserveRequest {
  made += 1;
  return {
    id: `request-${made}`,
    key: null,
    accounts: [account],
    requests: 1,
    tokens: 0,
    nanoUsd: 0,
    isHeld: true,
    leaseMs: 60_000,
    onExpiry: 'charge',
    ...request,
  };
}

export function aKey(id: string, record: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id,
    version: 1,
    name: 'a key',
    createdAt: '2026-11-29T12:00:00.000Z',
    secrets: [{ sha256: '0'.repeat(64), hint: 'abcd', expiresAt: null }],
    routers: null,
    candidates: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    budgetUsdPerDay: null,
    budgetUsdPerMonth: null,
    onBudget: 'refuse',
    tier: null,
    tags: {},
    expiresAt: null,
    disabled: false,
    ...record,
  };
}

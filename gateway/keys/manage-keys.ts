import { InvalidInputError } from 'pointsman';
import {
  changeKeySettings,
  type KeyRecord,
  parseKeySettings,
  settingsOf,
  toUsd,
} from '../state/key-record.ts';
import { ALL_KEYS, type DayUse, type GatewayState } from '../state/state.ts';
import { createSecret } from './secret.ts';

/** A key as it may be shown: without its hash. */
export type ShownKey = Omit<KeyRecord, 'secrets' | 'version'> & {
  /** The last four characters of its secret. */
  readonly hint: string;
};

/** What is used in a day, in US dollars. */
export type ShownUse = Omit<DayUse, 'nanoUsd' | 'heldNanoUsd'> & {
  /** Spent, and set aside for requests under way. */
  readonly usd: number;
  /** Of it, what is set aside. */
  readonly heldUsd: number;
};

/** A key that was just made: the only time that its secret can be seen. */
export interface MadeKey {
  readonly secret: string;
  readonly key: ShownKey;
}

/** Of a configuration, what is there by name. */
export interface NamedParts {
  readonly routers: Readonly<Record<string, unknown>>;
  readonly candidates: Readonly<Record<string, unknown>>;
  readonly embeddings: Readonly<Record<string, unknown>>;
}

/**
 * Settings of a key as they are given, before they are taken over. A gateway that only decides knows its candidates by its routers alone: there none is refused.
 * @throws InvalidInputError for a router or a candidate that the configuration does not know: it may be a misspelling.
 */
export function checkNames(settings: unknown, { candidates, embeddings, routers }: NamedParts): void {
  const { candidates: called, routers: asked } = Object(settings) as Record<string, unknown>;
  const check = (field: string, named: unknown, known: readonly string[]) => {
    const unknown = Array.isArray(named) ? named.find((name) => !known.includes(name)) : undefined;
    if (unknown === undefined) return;
    throw new InvalidInputError(
      `\`${field}\` of a key must name ${field} of the configuration, which are ${known.slice(0, 50).join(', ')}. Got ${JSON.stringify(unknown)}.`,
    );
  };
  check('routers', asked, Object.keys(routers));
  if (Object.keys(candidates).length > 0)
    check('candidates', called, Object.keys({ ...candidates, ...embeddings }));
}

/** No such key. */
export class UnknownKeyError extends InvalidInputError {
  override readonly name = 'UnknownKeyError';
}

/** How often a change begins anew when somebody else changes the same key. */
const MOST_TRIES = 10;

/**
 * Makes a key.
 * @param settings as `docs/keys-and-budgets.md` lists them; `name` at least.
 * @throws InvalidInputError naming each setting that is not as it must be.
 */
export async function createKey(
  state: GatewayState,
  settings: unknown,
  nowMs = Date.now(),
): Promise<MadeKey> {
  const parsed = parseKeySettings(settings);
  checkExpiry(parsed, nowMs);
  const { hint, id, sha256, text } = createSecret();
  const record: KeyRecord = {
    ...parsed,
    id,
    version: 1,
    createdAt: new Date(nowMs).toISOString(),
    secrets: [{ sha256, hint, expiresAt: null }],
  };
  if (!(await state.writeKey(record))) throw new InvalidInputError(`The key ${id} exists. Try again.`);
  return { secret: text, key: showKey(record) };
}

/** @throws UnknownKeyError */
export async function readKey(state: GatewayState, id: string): Promise<ShownKey> {
  return showKey(await mustBeThere(state, id));
}

/** Every key, by its id. */
export async function listKeys(state: GatewayState): Promise<ShownKey[]> {
  const found: ShownKey[] = [];
  for (;;) {
    const page = await state.keys(found.at(-1)?.id ?? null, 500);
    for (const record of page) found.push(showKey(record));
    if (page.length < 500) return found;
  }
}

/**
 * Changes some settings of a key; the others stay.
 * @throws UnknownKeyError
 * @throws InvalidInputError naming each setting that is not as it must be.
 */
export async function changeKey(
  state: GatewayState,
  id: string,
  changes: unknown,
  nowMs = Date.now(),
): Promise<ShownKey> {
  const make = (record: KeyRecord) => {
    const changed = changeKeySettings(record, changes);
    // A key that has expired may still be renamed, or disabled.
    if (changed.expiresAt !== record.expiresAt) checkExpiry(changed, nowMs);
    return changed;
  };
  return showKey(await change(state, id, make));
}

/** A key that never works is made by mistake. */
function checkExpiry({ expiresAt }: Pick<KeyRecord, 'expiresAt'>, nowMs: number): void {
  if (expiresAt === null || Date.parse(expiresAt) > nowMs) return;
  throw new InvalidInputError(
    `\`expiresAt\` must be a time to come. Got ${expiresAt}. Give a later one; a key that is to let nobody in is disabled.`,
  );
}

/**
 * Gives a key another secret.
 * @param graceMs milliseconds for which the secret before still works. @default 0
 * @throws UnknownKeyError
 */
export async function rotateKey(
  state: GatewayState,
  id: string,
  { graceMs = 0, nowMs = Date.now() }: { readonly graceMs?: number; readonly nowMs?: number } = {},
): Promise<MadeKey> {
  if (!(graceMs >= 0 && graceMs <= MOST_GRACE_MS))
    throw new InvalidInputError(
      `The time that the secret before still works must be 0 to 90 days. Got ${graceMs} ms.`,
    );
  const { hint, sha256, text } = createSecret(id);
  const rotated = await change(state, id, (record) => {
    const [latest] = record.secrets;
    const before = graceMs === 0 ? [] : [{ ...latest, expiresAt: new Date(nowMs + graceMs).toISOString() }];
    const secrets = [{ sha256, hint, expiresAt: null }, ...before];
    return { ...record, version: record.version + 1, secrets };
  });
  return { secret: text, key: showKey(rotated) };
}

const MOST_GRACE_MS = 90 * 86_400_000;

/** @throws UnknownKeyError */
export async function deleteKey(state: GatewayState, id: string): Promise<void> {
  if (!(await state.deleteKey(id))) throw unknownKey(id);
}

/** What a key used, or with `*` all keys that share limits, the latest day first. */
export async function readUsage(state: GatewayState, id: string, days: number): Promise<ShownUse[]> {
  if (!(Number.isInteger(days) && days >= 1 && days <= 400))
    throw new InvalidInputError(`\`days\` must be a whole number, 1 to 400. Got ${days}.`);
  if (id !== ALL_KEYS) await mustBeThere(state, id);
  return (await state.usage(id, days)).map(({ heldNanoUsd, nanoUsd, ...use }) => ({
    ...use,
    usd: toUsd(nanoUsd),
    heldUsd: toUsd(heldNanoUsd),
  }));
}

function showKey(record: KeyRecord): ShownKey {
  const { createdAt, id, secrets } = record;
  return { id, ...settingsOf(record), createdAt, hint: secrets[0].hint };
}

async function change(
  state: GatewayState,
  id: string,
  make: (record: KeyRecord) => KeyRecord,
): Promise<KeyRecord> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const changed = make(await mustBeThere(state, id));
    if (await state.writeKey(changed)) return changed;
  }
  throw new InvalidInputError(`The key ${id} is being changed by others all the time. Try again.`);
}

async function mustBeThere(state: GatewayState, id: string): Promise<KeyRecord> {
  const record = await state.key(id);
  if (record === undefined) throw unknownKey(id);
  return record;
}

/** What was given may be a secret: it is not said again. */
function unknownKey(id: string): UnknownKeyError {
  const shown = /^[a-z0-9]{12}$/.test(id) ? `\`${id}\`` : 'that name';
  return new UnknownKeyError(
    `There is no key of ${shown}. Its id is the twelve letters after \`pm-\`; \`pointsman keys list\` has all.`,
  );
}

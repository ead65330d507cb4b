import { InvalidInputError } from 'pointsman';
import { z } from 'zod';

const NANO_USD = 1e9;

/** Above it, billionths of a dollar are no longer exact. */
export const LARGEST_USD = 9e6;

/**
 * US dollars as whole billionths of a dollar.
 * @param what the subject of the message's sentence.
 * @throws InvalidInputError for what is no amount.
 */
export function toNanoUsd(usd: number, what: string): number {
  if (typeof usd !== 'number' || !(usd >= 0 && usd <= LARGEST_USD))
    throw new InvalidInputError(`${what} must be US dollars, 0 to ${LARGEST_USD}. Got ${usd}.`);
  return Math.round(usd * NANO_USD);
}

export const toUsd = (nanoUsd: number): number => nanoUsd / NANO_USD;

const words = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be text without control characters');
const names = z.array(words).min(1).max(1000).nullable();
const perMinute = z.number().int().min(1).max(1e12).nullable();
const budget = z.number().min(0).max(LARGEST_USD).nullable();

/** What may be said of a key; what is left out is not limited. */
export const keySettingsSchema = z.strictObject({
  /** Whose it is or what it is for, in any words. */
  name: words,
  /** Routers that may be asked; null for all. */
  routers: names.default(null),
  /** Candidates that may be called; null for all. */
  candidates: names.default(null),
  requestsPerMinute: perMinute.default(null),
  /** Tokens that are sent and received. */
  tokensPerMinute: perMinute.default(null),
  /** US dollars a day of UTC. */
  budgetUsdPerDay: budget.default(null),
  /** US dollars a month of UTC. */
  budgetUsdPerMonth: budget.default(null),
  /** What happens to a request that a budget does not cover: the cheapest candidates that it does cover, or none. */
  onBudget: z.enum(['degrade', 'refuse']).default('refuse'),
  /** The `tier` signal of its requests; null leaves it to the request. */
  tier: words.nullable().default(null),
  tags: z
    .record(words, words)
    .refine((tags) => Object.keys(tags).length <= 32, 'must be at most 32 tags')
    .default({}),
  /** When it stops working. */
  expiresAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text).toISOString())
    .nullable()
    .default(null),
  disabled: z.boolean().default(false),
});

export type KeySettings = z.output<typeof keySettingsSchema>;

const keyRecordSchema = keySettingsSchema.extend({
  id: z.string().regex(/^[a-z0-9]{12}$/),
  /** Grows by 1 with every change. */
  version: z.number().int().min(1),
  createdAt: z.iso.datetime(),
  /** What may be shown for the key: the latest, and after a rotation the one before for as long as it still works. */
  secrets: z
    .array(
      z.strictObject({
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        /** Its last four characters, to know it by. */
        hint: z.string(),
        expiresAt: z.iso.datetime().nullable(),
      }),
    )
    .min(1),
});

/** A key as it is kept: never the secret itself. */
export type KeyRecord = z.output<typeof keyRecordSchema>;

/** @throws InvalidInputError naming each field that is not as it must be. */
export function parseKeySettings(value: unknown): KeySettings {
  return checked(keySettingsSchema.safeParse(value), 'A key');
}

/**
 * Puts new values over those of a key.
 * @throws InvalidInputError naming each field that is not as it must be, or that there is not.
 */
export function changeKeySettings(record: KeyRecord, changes: unknown): KeyRecord {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes))
    throw new InvalidInputError('Changes of a key must be an object, such as {"disabled": true}.');
  const settings = parseKeySettings({ ...settingsOf(record), ...changes });
  return { ...record, ...settings, version: record.version + 1 };
}

/** @throws InvalidInputError when what was kept is no key. */
export function parseKeyRecord(json: string): KeyRecord {
  return checked(keyRecordSchema.safeParse(JSON.parse(json)), 'A key that is kept');
}

/** What a person set of it. */
export function settingsOf(record: KeyRecord): KeySettings {
  const { id: _id, version: _version, createdAt: _createdAt, secrets: _secrets, ...settings } = record;
  return settings;
}

function checked<T>(result: z.ZodSafeParseResult<T>, what: string): T {
  if (result.success) return result.data;
  const list = result.error.issues.map(({ message, path }) =>
    path.length === 0 ? message : `\`${path.join('.')}\`: ${message}`,
  );
  throw new InvalidInputError(
    `${what} must have the fields that docs/keys-and-budgets.md lists. ${list.join('; ')}.`,
  );
}

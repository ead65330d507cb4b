import { useState } from 'preact/hooks';
import type { Overview } from '../../../admin/standing-area.ts';
import type { ShownKey } from '../../../keys/manage-keys.ts';
import { Notice } from '../../parts/blocks.tsx';
import { Field } from '../../parts/dialog.tsx';

interface KeyFormProps {
  readonly overview: Overview;
  /** The key that is changed; none for a new one. */
  readonly of?: ShownKey;
  readonly error: string | null;
  readonly isBusy: boolean;
  readonly onSave: (settings: Readonly<Record<string, unknown>>) => void;
  readonly onCancel: () => void;
}

const LIMITS = [
  ['budgetUsdPerDay', 'Budget a day', 'US dollars'],
  ['budgetUsdPerMonth', 'Budget a month', 'US dollars'],
  ['requestsPerMinute', 'Requests a minute', ''],
  ['tokensPerMinute', 'Tokens a minute', 'sent and received'],
] as const;

type LimitName = (typeof LIMITS)[number][0];

/** What may be said of a key. What is left empty is not limited. */
export function KeyForm({ error, isBusy, of: key, onCancel, onSave, overview }: KeyFormProps) {
  const [name, setName] = useState(key?.name ?? '');
  const [limits, setLimits] = useState<Readonly<Record<LimitName, string>>>({
    budgetUsdPerDay: text(key?.budgetUsdPerDay),
    budgetUsdPerMonth: text(key?.budgetUsdPerMonth),
    requestsPerMinute: text(key?.requestsPerMinute),
    tokensPerMinute: text(key?.tokensPerMinute),
  });
  const [onBudget, setOnBudget] = useState(key?.onBudget ?? 'refuse');
  const [routers, setRouters] = useState<readonly string[]>(key?.routers ?? []);
  const [tier, setTier] = useState(key?.tier ?? '');
  const save = (event: Event) => {
    event.preventDefault();
    const numbers = Object.entries(limits).map(([field, value]) => [
      field,
      value === '' ? null : Number(value),
    ]);
    onSave({
      name,
      ...Object.fromEntries(numbers),
      onBudget,
      routers: routers.length === 0 ? null : routers,
      tier: tier === '' ? null : tier,
    });
  };
  return (
    <form onSubmit={save}>
      <Field name="Name" note="Whose it is, or what it is for.">
        <input
          class="input"
          required
          maxLength={200}
          value={name}
          onInput={(e) => setName(e.currentTarget.value)}
        />
      </Field>
      <div class="pair">
        {LIMITS.map(([field, label, note]) => (
          <Field key={field} name={label} note={note}>
            <input
              class="input"
              type="number"
              min="0"
              step={field.startsWith('budget') ? 'any' : '1'}
              placeholder="no limit"
              value={limits[field]}
              onInput={(e) => setLimits({ ...limits, [field]: e.currentTarget.value })}
            />
          </Field>
        ))}
        <Field name="Over budget">
          <select
            class="input"
            value={onBudget}
            onChange={(e) => setOnBudget(e.currentTarget.value as typeof onBudget)}
          >
            <option value="refuse">refuse the request</option>
            <option value="degrade">take the cheapest candidate</option>
          </select>
        </Field>
        <Field name="Tier" note="the signal of its requests">
          <input
            class="input"
            placeholder="as requests say"
            value={tier}
            onInput={(e) => setTier(e.currentTarget.value)}
          />
        </Field>
      </div>
      {overview.routers.length < 2 ? null : (
        <fieldset>
          <legend>Routers that it may ask; all, where none is ticked</legend>
          <div class="row">
            {overview.routers.map((router) => (
              <label key={router.name} class="check">
                <input
                  type="checkbox"
                  checked={routers.includes(router.name)}
                  onChange={() =>
                    setRouters(
                      routers.includes(router.name)
                        ? routers.filter((other) => other !== router.name)
                        : [...routers, router.name],
                    )
                  }
                />
                {router.name}
              </label>
            ))}
          </div>
        </fieldset>
      )}
      {error === null ? null : <Notice tone="bad">{error}</Notice>}
      <div class="row">
        <button type="submit" class="button primary" disabled={isBusy}>
          {key === undefined ? 'Make the key' : 'Save'}
        </button>
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function text(limit: number | null | undefined): string {
  return limit == null ? '' : String(limit);
}

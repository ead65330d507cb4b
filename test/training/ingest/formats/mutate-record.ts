import type { Random } from '../../../../src/math.ts';
import { DEEP } from './cases/log-case.ts';

/** What fields hold in no log, or in too many. */
const VALUES: readonly unknown[] = [
  null,
  '',
  ' ',
  0,
  -1,
  -0.5,
  1e308,
  '1e3',
  'NaN',
  true,
  [],
  {},
  [null],
  [[]],
  'Hi',
  'a\0b',
  '\ud800',
  '[REDACTED]',
  'redacted-by-litellm',
  '{"a":',
  '{"content":"Hi","role":"user"}',
  "{'content': None}",
  DEEP,
  `${'['.repeat(5000)}"Hi"${']'.repeat(5000)}`,
  'x'.repeat(20_000),
  '2026-02-30T10:00:00Z',
  1_760_000_000,
  { low: -1, high: 2, unsigned: true },
  JSON.parse('{"__proto__":{"role":"user"},"constructor":1}'),
  { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
  { role: 'user', content: null },
  { type: 'input_image', image_url: 'https://example.org/a.png' },
];

/** `__proto__` is a name as any other in JSON. */
function put(parent: Parent, name: string | number, value: unknown): void {
  Object.defineProperty(parent, name, { value, enumerable: true, writable: true, configurable: true });
}

type Parent = Record<string | number, unknown>;
interface Place {
  readonly parent: Parent;
  readonly key: string | number;
}

const WAYS: readonly ((place: Place, random: Random, places: readonly Place[]) => void)[] = [
  function drop({ parent, key }) {
    if (Array.isArray(parent)) Array.prototype.splice.call(parent, Number(key), 1);
    else delete parent[key];
  },
  function retag({ parent, key }, random, places) {
    const { key: name } = placeOf(places, random);
    // A list has places, and no names.
    if (Array.isArray(parent) && typeof name === 'string') return;
    const value = parent[key];
    delete parent[key];
    put(parent, name, value);
  },
  function nest({ parent, key }, random) {
    const value = parent[key];
    const name = ['content', 'text', 'messages', 'parts', 'value', 'input', '0'][random.integer(7)];
    put(parent, key, random.integer(2) === 0 ? [value] : { [name]: value });
  },
  function unwrap({ parent, key }) {
    const value = parent[key];
    if (typeof value === 'object' && value !== null) put(parent, key, Object.values(value)[0] ?? null);
  },
  function replace({ parent, key }, random) {
    put(parent, key, structuredClone(VALUES[random.integer(VALUES.length)]));
  },
  function move({ parent, key }, random, places) {
    const from = placeOf(places, random);
    put(parent, key, structuredClone(from.parent[from.key]));
  },
  function repeat({ parent, key }) {
    const value = parent[key];
    if (Array.isArray(value)) put(parent, key, value.concat(structuredClone(value)));
    else if (typeof value === 'string') put(parent, key, `${value}${value}`);
  },
  function quote({ parent, key }) {
    const value = parent[key];
    put(
      parent,
      key,
      (typeof value === 'string' ? parsed(value) : undefined) ?? JSON.stringify(value) ?? null,
    );
  },
];

/** A copy of a record in which one to four fields, at any depth, are dropped, renamed, nested, replaced and the like. */
export function mutateRecord(record: object, random: Random): object {
  const root: Parent = { record: structuredClone(record) };
  for (let times = 1 + random.integer(4); times > 0; times--) {
    const places = placesIn(root);
    WAYS[random.integer(WAYS.length)](placeOf(places, random), random, places);
  }
  const changed = root.record;
  return typeof changed === 'object' && changed !== null ? changed : { changed };
}

/** Where a value stands: everywhere but at the root, unless there is nothing else. */
function placesIn(root: Parent): Place[] {
  const places: Place[] = [];
  const waiting: unknown[] = [root.record];
  for (let value = waiting.pop(); waiting.length > 0 || value !== undefined; value = waiting.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      places.push({ parent: value as Parent, key });
      waiting.push(inner);
    }
  }
  return places.length > 0 ? places : [{ parent: root, key: 'record' }];
}

const placeOf = (places: readonly Place[], random: Random): Place => places[random.integer(places.length)];

function parsed(text: string): unknown {
  try {
    return text.length < 5000 ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { validatePolicy } from '../../src/policy/kinds/create-policy.ts';
import { checkRouteOptions } from '../../src/router/router.ts';
import { finiteNumber, object, record, strictObject, validate, wholeNumber } from '../../src/validate.ts';

/** What a value with a field too many is told. */
const told = (check: () => unknown): string => {
  try {
    check();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
};

describe('a field that there is none of is told with those that there are', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'signals',
      () => checkRouteOptions({ signals: { nonsense: 1 } } as never),
      /`signals` of .* must be without `nonsense` \(it may have .*language.*\)\. Got /,
    ],
    [
      'options',
      () => checkRouteOptions({ wieghts: 'best' } as never),
      /without `wieghts` \(it may have .*weights/,
    ],
    [
      'a policy of a kind, with the fields of that kind',
      () =>
        validatePolicy({ kind: 'threshold', strong: 'a', weak: 'b', threshold: 0.5, treshold: 1 } as never),
      /without `treshold` \(it may have kind, .*threshold/,
    ],
    ['a policy of no kind', () => validatePolicy({ kind: 'nothing' } as never), /kind/],
  ])('%s', (_, check, message) => {
    expect(told(check)).toMatch(message);
  });
});

describe('what valibot alone would take', () => {
  const limits = strictObject({ max: v.exactOptional(finiteNumber) });

  it.each<[string, v.GenericSchema, unknown, string]>([
    ['a list is no object', limits, [], 'The thing must be an object. Got [].'],
    ['nor where fields are dropped', object({}), [1], 'The thing must be an object. Got [1].'],
    ['a list is no record', record(finiteNumber), [1], 'The thing must be a record. Got [1].'],
    ['what has a class is no record', record(finiteNumber), new Map(), 'The thing must be a record. Got {}.'],
    ['no infinity', limits, { max: Infinity }, '`max` of thing must be a number. Got Infinity.'],
    ['no part of a whole', wholeNumber, 0.5, 'The thing must be a whole number. Got 0.5.'],
  ])('%s', (_, schema, value, message) => {
    expect(told(() => validate(schema, value, 'thing'))).toBe(message);
  });

  it('a record has any names but that of the prototype, and a message names them', () => {
    const given = JSON.parse('{"constructor": 1, "prototype": 2, "a b": 3, "__proto__": 4}');
    const checked = validate(record(finiteNumber), given, 'thing');
    expect(Object.entries(checked)).toEqual([
      ['constructor', 1],
      ['prototype', 2],
      ['a b', 3],
    ]);
    expect(told(() => validate(record(object({ x: finiteNumber })), { a: {} }, 'thing'))).toBe(
      '`a.x` of thing must be a number. Got nothing.',
    );
  });
});

describe('of what may be one of several', () => {
  const shape = v.union([v.string(), strictObject({ weights: strictObject({ quality: finiteNumber }) })]);

  it.each([
    [
      'that which got furthest is meant',
      { weights: { quality: 'x' } },
      /^`weights.quality` of thing must be a number/,
    ],
    [
      'a field too many is told',
      { weights: { quality: 1 }, more: 1 },
      /without `more` \(it may have weights\)/,
    ],
    ['none fits', 3, /^The thing must be of a known shape\. Got 3/],
  ])('%s', (_, value, message) => {
    expect(told(() => validate(shape, value, 'thing'))).toMatch(message);
  });
});

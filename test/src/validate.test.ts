import { describe, expect, it } from 'vitest';
import { validatePolicy } from '../../src/policy/spec.ts';
import { checkRouteOptions } from '../../src/router/router.ts';

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

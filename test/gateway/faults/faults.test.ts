import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../../gateway/create-gateway.ts';
import { type Asked, answerText, endingOf, wireAnswer } from './asked-answers.ts';
import { checkFaults } from './check-faults.ts';

it('whatever upstreams and clients do, each request ends in the right answer or in an error of its protocol within its deadline, and nothing stays open', async () => {
  // On a machine that is busy with other tests, too.
  await checkFaults(100, 8, 8_000);
}, 240_000);

/** What is asked of ours must be found where it is not so. */
describe.each([...PROTOCOLS.map(({ name }) => name), 'embeddings'] as const)('of %s is told', (kind) => {
  const asked = (stream: boolean): Asked => ({ id: 7, kind, stream, isLong: false });
  const streams = kind === 'embeddings' ? [false] : [false, true];
  const ending = (stream: boolean, text: string, more = {}) =>
    endingOf(asked(stream), { status: 200, isCut: false, text, ...more });

  it.each(streams)('the right answer from less of it, and from another (stream: %s)', (stream) => {
    const whole = wireAnswer(asked(stream));
    expect(ending(stream, whole)).toBe('answer');
    for (let at = 0; at < whole.length - 250; at += 7) {
      expect(ending(stream, whole.slice(0, at))).not.toBe('answer');
      expect(ending(stream, whole.slice(0, at), { isCut: true })).toBe('cut');
    }
    const half = answerText(asked(stream)).slice(0, 20);
    if (kind !== 'embeddings')
      expect(ending(stream, wireAnswer(asked(stream), stream, half))).toBe('truncated');
    expect(ending(stream, wireAnswer({ ...asked(stream), id: 8 }))).toBe('wrong');
  });

  it("the protocol's error from another", () => {
    const protocol = PROTOCOLS.find(({ name }) => name === kind) ?? PROTOCOLS[0];
    const problem = { status: 502, code: 'a', message: 'b', param: null } as never;
    const of = (text: string) => ending(false, text, { status: 502 });
    expect(of(JSON.stringify(protocol.problem(problem)))).toBe('error');
    expect(of('<html>Bad gateway</html>')).toBe('foreign error');
    expect(of('{"status":"failure","message":"Something went wrong"}')).toBe('foreign error');
    if (kind !== 'embeddings')
      expect(ending(true, protocol.writer({}).broken(problem), { isCut: true })).toBe('error');
  });
});

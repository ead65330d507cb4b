import { afterEach, expect, test, vi } from 'vitest';
import { processIo } from '../../../training/cli/terminal/io.ts';

afterEach(() => vi.restoreAllMocks());

test.each(['stdout', 'stderr'] as const)('what is printed to %s does not steer a terminal', (name) => {
  const write = vi.spyOn(process[name], 'write').mockReturnValue(true);
  const io = processIo();
  io[name]('read from \u001b]0;title\u0007 and \u009b31m, \r\0 then\n\ttext: naïve 中文 🙂\n');
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    'read from \ufffd]0;title\ufffd and \ufffd31m, \ufffd\ufffd then\n\ttext: naïve 中文 🙂\n',
  ]);
});

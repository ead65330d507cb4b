import type { CommandIo } from '../../../training/cli/terminal/io.ts';

/** An io that keeps what a command says. */
export interface CapturedIo extends CommandIo {
  readonly said: { out: string; err: string };
}

export function capturedIo(given: Partial<CommandIo> & { input?: string } = {}): CapturedIo {
  const { input = '', ...rest } = given;
  const said = { out: '', err: '' };
  return {
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    stdin: async () => input,
    isTTY: false,
    columns: 100,
    env: {},
    said,
    ...rest,
  };
}

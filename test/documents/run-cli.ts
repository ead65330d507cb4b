import { main } from '../../training/cli/main.ts';

/** Runs the `pointsman` command in this process. */
export async function runCli(
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  let stdout = '';
  let stderr = '';
  const code = await main(args, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: async () => '',
    isTTY: false,
    columns: 100,
    env: {},
  });
  return { code, stdout, stderr };
}

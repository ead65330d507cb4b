import type { CommandIo } from './command-io.ts';

const PLAIN_COLUMNS = 100;

/** The streams and the environment of this process. A reader that hangs up (`| head`) ends it without a word. */
export function processIo(): CommandIo {
  const { stdin, stdout, stderr, env } = process;
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
  }
  return {
    stdout: (text) => void stdout.write(printable(text)),
    stderr: (text) => void stderr.write(printable(text)),
    async stdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString('utf8');
    },
    isTTY: stderr.isTTY === true,
    columns: Math.max(60, Math.min(stdout.columns ?? stderr.columns ?? PLAIN_COLUMNS, 120)),
    env,
  };
}

/** Names and words of logs are printed too, and must not steer a terminal. Nothing of our own does. */
function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, '\u{fffd}');
}

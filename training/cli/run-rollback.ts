import { rollBack } from '../versions/roll-back.ts';
import type { CommandIo } from './command-io.ts';
import type { RollbackFlags } from './rollback-command.ts';

export async function runRollback(folder: string, flags: RollbackFlags, io: CommandIo): Promise<void> {
  const done = await rollBack(folder, flags.to === undefined ? {} : { to: flags.to });
  io.stdout(
    flags.json ? `${JSON.stringify(done, null, 2)}\n` : `${done.to} is in use; ${done.from} is withdrawn.\n`,
  );
}

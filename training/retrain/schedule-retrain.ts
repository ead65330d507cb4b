import { Cron } from 'croner';
import { InvalidInputError } from 'pointsman';

export interface ScheduleOptions {
  /** Ends the schedule; a run that is under way ends first. */
  readonly signal: AbortSignal;
  /** IANA name. @default that of the machine */
  readonly timezone?: string;
  /** Told of a run that failed; the schedule goes on. */
  readonly onError?: (error: Error) => void;
  /** Told when the next run is due. */
  readonly onNext?: (next: Date) => void;
}

/**
 * Runs at the times of a cron expression until `signal` says otherwise. Runs never overlap: one that would begin while
 * another is under way is passed over.
 *
 * @param pattern five fields (minute, hour, day, month, weekday), or six with seconds first
 * @throws InvalidInputError where the pattern is none, or never comes, or the time zone is none
 */
export async function scheduleRetrain(
  pattern: string,
  run: () => Promise<unknown>,
  { onError = () => {}, onNext = () => {}, signal, timezone }: ScheduleOptions,
): Promise<void> {
  let running: Promise<unknown> = Promise.resolve();
  let underWay = false;
  const tellNext = (job: Cron) => {
    const next = job.nextRun();
    if (next !== null) onNext(next);
  };
  const job = createJob(pattern, timezone, (self) => {
    // Croner's own protection would make up for a run that was passed over as soon as the one before has ended.
    if (underWay) return;
    underWay = true;
    running = run()
      .catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))))
      .then(() => {
        underWay = false;
        if (!signal.aborted) tellNext(self);
      });
  });
  if (job.nextRun() === null) {
    job.stop();
    throw new InvalidInputError(
      `\`schedule\` "${pattern}" never comes. Give one such as "0 3 * * *": every night at three.`,
    );
  }
  tellNext(job);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  job.stop();
  await running;
}

function createJob(pattern: string, timezone: string | undefined, run: (job: Cron) => void): Cron {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch (cause) {
    throw new InvalidInputError(
      `\`timezone\` must be an IANA name such as "Europe/Berlin". Got "${timezone}".`,
      { cause },
    );
  }
  try {
    return new Cron(pattern, timezone === undefined ? {} : { timezone }, run);
  } catch (cause) {
    throw new InvalidInputError(
      `\`schedule\` must be a cron expression such as "0 3 * * *". Got "${pattern}": ${(cause as Error).message}`,
      { cause },
    );
  }
}

import { PointsmanError } from 'pointsman';

/** Somebody else is retraining the router of this folder. */
export class RouterBusyError extends PointsmanError {
  readonly code = 'ROUTER_BUSY';
  /** Of the process that holds the lock; null where it is not known. */
  readonly pid: number | null;

  constructor(folder: string, pid: number | null, options?: ErrorOptions) {
    super(
      `The router in ${folder} is being retrained${pid === null ? '' : ` by process ${pid}`}. Wait until it has ended, or end it.`,
      options,
    );
    this.pid = pid;
  }
}

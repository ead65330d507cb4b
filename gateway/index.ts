/**
 * Serves trained routers over HTTP, in front of the upstreams of their candidates.
 */
export { RefusalError, type RefusalKind } from './errors.ts';
export type { Action, Admission, ExpectedUse, Grant, Guard, Reservation, Used } from './keys/guard.ts';

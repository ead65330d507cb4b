/**
 * Serves trained routers over HTTP, in front of the upstreams of their candidates.
 */
export type { GatewayConfig } from './config/schema.ts';
export { createGateway, type Gateway, type GatewayOptions } from './create-gateway.ts';
export type { Action, Admission, ExpectedUse, Grant, Guard, Reservation, Used } from './keys/guard.ts';
export { createKeyGuard, type KeyGuardOptions } from './keys/key-guard.ts';
export { RefusalError, type RefusalKind } from './problem.ts';
export { type RunningServer, serve } from './serve.ts';
export { openGatewayState, type StateOptions } from './state/open-state.ts';

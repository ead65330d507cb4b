export { loadOpenTelemetry, type OpenTelemetryOptions } from './load-open-telemetry.ts';

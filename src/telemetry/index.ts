export { loadOpenTelemetry, type OpenTelemetryOptions } from '../telemetry.ts';

import { PointsmanError } from './pointsman-error.ts';

/** An artifact that must not be loaded: truncated, edited, of a newer schema, or naming files outside itself. */
export class ArtifactError extends PointsmanError {
  readonly code = 'ARTIFACT';
}

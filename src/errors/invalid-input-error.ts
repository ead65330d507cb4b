import { PointsmanError } from './pointsman-error.ts';

/** A value from outside (config, row, option, request) that does not have the shape it must have. */
export class InvalidInputError extends PointsmanError {
  readonly code = 'INVALID_INPUT';
}

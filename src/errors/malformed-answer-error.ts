import { PointsmanError } from './pointsman-error.ts';

/** An endpoint or a client gave something that is not an answer. */
export class MalformedAnswerError extends PointsmanError {
  readonly code = 'MALFORMED_ANSWER';
}

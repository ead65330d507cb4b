import { PointsmanError } from './pointsman-error.ts';

/** A text that could not be turned into a vector: the endpoint or the model failed, or gave something else. */
export class EmbeddingError extends PointsmanError {
  readonly code = 'EMBEDDING';
}

/** Every error this project throws on purpose: what was wrong, the value, and what to do next. */
export abstract class PointsmanError extends Error {
  /** A literal that callers can switch on. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Another answer has won: the reason with which those that are not needed any more are stopped. */
export class SupersededError extends Error {
  constructor() {
    super('Another answer was taken.');
    this.name = 'AbortError';
  }
}

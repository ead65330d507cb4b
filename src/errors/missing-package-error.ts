import { PointsmanError } from './pointsman-error.ts';

/** An optional package that is needed now and is not installed. */
export class MissingPackageError extends PointsmanError {
  readonly code = 'MISSING_PACKAGE';

  constructor(packageName: string, neededFor: string, options?: ErrorOptions) {
    super(`${neededFor} needs the package "${packageName}". Install it: npm install ${packageName}`, options);
  }
}

import { InvalidInputError } from '../errors/invalid-input-error.ts';

/** @throws InvalidInputError when the parameter is not a finite number within its bound */
export function checkParameter(
  owner: string,
  name: string,
  value: number,
  bound = '',
  holds: (value: number) => boolean = () => true,
): void {
  if (Number.isFinite(value) && holds(value)) return;
  throw new InvalidInputError(
    `\`${name}\` of ${owner} must be a number${bound === '' ? '' : ` ${bound}`}. Got ${value}. ` +
      'Fit the calibrator again.',
  );
}

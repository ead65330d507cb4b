import { MissingPackageError, PointsmanError } from 'pointsman';
import { expect, test } from 'vitest';

test('a missing package is a sentence that names what to install', () => {
  const error = new MissingPackageError('left-pad', 'The "left" embedder');
  expect(error).toBeInstanceOf(PointsmanError);
  expect(error.name).toBe('MissingPackageError');
  expect(error.message).toBe(
    'The "left" embedder needs the package "left-pad". Install it: npm install left-pad',
  );
});

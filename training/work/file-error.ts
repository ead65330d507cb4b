import { InvalidInputError, PointsmanError } from 'pointsman';

/** What the system's codes mean, for whoever does not know them. */
const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EDQUOT: "the user's share of the disk is used up",
  EEXIST: 'a file of that name is in the way',
  EISDIR: 'a folder of that name is in the way',
  EMFILE: 'too many files are open',
  ENOENT: 'it is not there',
  ENOSPC: 'there is no space left on the disk',
  ENOTDIR: 'a file is in the way of the folder',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is there to be read only',
};

const WORDS: readonly (readonly [code: string, words: RegExp])[] = [
  ['ENOSPC', /no space left on device/i],
  ['EACCES', /permission denied/i],
  ['EROFS', /read-only file system/i],
];

/**
 * An error of the file system in words. What is of our own family already, and what is no error of files, stays.
 * @param what what could not be done, without its full stop: "The router cannot be written to models/support"
 * @param next what to do
 */
export function fileError(cause: unknown, what: string, next: string): unknown {
  if (cause instanceof PointsmanError) return cause;
  const { code: given, message } = cause as NodeJS.ErrnoException;
  // DuckDB says it in words alone.
  const code = given ?? WORDS.find(([, words]) => words.test(message))?.[0];
  if (code === undefined || !(code in MEANINGS)) return cause;
  return new InvalidInputError(`${what}: ${MEANINGS[code]} (${code}). ${next}.`, { cause });
}

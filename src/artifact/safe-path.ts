const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Whether `path` names a file inside the artifact and nothing else: relative, forward slashes, plain ASCII names
 * that do not begin with a dot. No `..`, drive, scheme, backslash, or percent escape can be written in it.
 */
export function isSafePath(path: string): boolean {
  return path.length <= 255 && path.split('/').every((segment) => SEGMENT.test(segment));
}

/** sha256 of bytes as 64 lower-case hex digits; may be given at once or later. */
export type Sha256 = (bytes: Uint8Array) => string | Promise<string>;

/** {@link Sha256} with the Web Crypto API, which every runtime has. */
export async function webSha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  let hex = '';
  for (const byte of new Uint8Array(digest)) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

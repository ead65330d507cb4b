import { cleanText } from './html.ts';

/**
 * A name that fits: at most `limit` characters, the middle left out, since model names differ at both ends.
 * Direction overrides are dropped, so that a name cannot turn the text around it.
 */
export function shorten(name: string, limit: number): string {
  const characters = [...cleanText(name).replace(/[\u202A-\u202E\u2066-\u2069]/g, '')];
  if (characters.length <= limit) return characters.join('');
  const head = Math.ceil((limit - 1) * 0.6);
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (limit - 1 - head)).join('')}`;
}

export { loadTokenCounter, type TokenEncoding } from '../signals/signals.ts';

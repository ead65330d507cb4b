export { loadTokenCounter, type TokenEncoding } from './load-token-counter.ts';

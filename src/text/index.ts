export { forEachWord } from './for-each-word.ts';
export { MAX_HEAD_CHARACTERS, MAX_TAIL_CHARACTERS, prepareText } from './prepare-text.ts';

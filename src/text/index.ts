export { MAX_HEAD_CHARACTERS, MAX_TAIL_CHARACTERS, prepareText } from '../text.ts';
export { forEachWord } from './for-each-word.ts';

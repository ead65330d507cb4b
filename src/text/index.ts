export { forEachWord, MAX_HEAD_CHARACTERS, MAX_TAIL_CHARACTERS, prepareText } from '../text.ts';

const GOOD = [
  'positive',
  'good',
  'up',
  'thumbs_up',
  'like',
  'pass',
  'passed',
  'yes',
  'correct',
  'true',
  'helpful',
  'liked',
  'upvote',
  'accepted',
  '👍',
];
const BAD = [
  'negative',
  'bad',
  'down',
  'thumbs_down',
  'dislike',
  'fail',
  'failed',
  'no',
  'incorrect',
  'false',
  'unhelpful',
  'disliked',
  'downvote',
  'rejected',
  '👎',
];

/** A rating in words as true or false; numbers and whatever else as they are. */
export function readRating(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.trim().toLowerCase().replaceAll(/[ -]/g, '_');
  if (GOOD.includes(word)) return true;
  return BAD.includes(word) ? false : value;
}

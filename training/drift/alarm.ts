/** Something that a person should look at. */
export interface Alarm {
  readonly kind: 'candidate' | 'population' | 'embeddings' | 'quarantine' | 'future' | 'failed';
  /** What it is about: a candidate's name, a batch, a signal. */
  readonly subject: string;
  readonly sentence: string;
}

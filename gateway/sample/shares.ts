/** From a time on, milliseconds since 1970, so large a share of decisions was kept, or is left. */
interface Segment {
  readonly from: number;
  readonly share: number;
}

/** Which share of a router's decisions is kept, by the time at which they were made. */
export class Shares {
  #segments: readonly Segment[];

  /** @param text what {@link toString} gave. @default all were kept */
  constructor(text?: string) {
    this.#segments = text === undefined ? [{ from: 0, share: 1 }] : (JSON.parse(text) as Segment[]);
  }

  /** Of decisions that are made now. */
  get now(): number {
    return this.#segments[this.#segments.length - 1].share;
  }

  /** What is left of all decisions since a time alike. */
  leastSince(since: number): number {
    let least = this.now;
    for (let s = this.#segments.length - 2; s >= 0 && this.#segments[s + 1].from > since; s--)
      least = Math.min(least, this.#segments[s].share);
    return least;
  }

  /** From now on another share is kept. */
  begin(from: number, share: number): void {
    this.#set([...this.#segments, { from, share }]);
  }

  /** Of decisions from `since` until `until` no more is left than this. */
  lower(since: number, until: number, share: number): void {
    this.#set(
      this.#segments.flatMap(({ from, share: before }, s) => {
        const to = this.#segments[s + 1]?.from ?? Number.MAX_SAFE_INTEGER;
        const [begin, end] = [Math.max(from, since), Math.min(to, until)];
        if (begin >= end) return [{ from, share: before }];
        return [
          ...(from < begin ? [{ from, share: before }] : []),
          { from: begin, share: Math.min(before, share) },
          ...(end < to ? [{ from: end, share: before }] : []),
        ];
      }),
    );
  }

  /** Another gateway that writes to the same file may have left less. */
  join(other: Shares): void {
    other.#segments.forEach(({ from, share }, s) => {
      this.lower(from, other.#segments[s + 1]?.from ?? Number.MAX_SAFE_INTEGER, share);
    });
  }

  toString(): string {
    return JSON.stringify(this.#segments);
  }

  #set(segments: readonly Segment[]): void {
    this.#segments = segments.filter(({ share }, s) => s === 0 || segments[s - 1].share !== share);
  }
}

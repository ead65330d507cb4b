/** Union–find: n members, each alone at first. The root of a set is its smallest member. */
export interface DisjointSets {
  find(member: number): number;
  /** Joins two sets. */
  join(left: number, right: number): void;
}

export function createDisjointSets(n: number): DisjointSets {
  const parents = Int32Array.from({ length: n }, (_, i) => i);
  const find = (member: number): number => {
    let at = member;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  };
  return {
    find,
    join(left, right) {
      const a = find(left);
      const b = find(right);
      if (a < b) parents[b] = a;
      else parents[a] = b;
    },
  };
}

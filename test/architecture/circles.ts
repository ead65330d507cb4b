/** Nodes that can be reached from themselves, each circle once, as sorted lists. */
export function circles(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const reach = (from: string): Set<string> => {
    const seen = new Set<string>();
    const open = [...(arrows.get(from) ?? [])];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      open.push(...(arrows.get(node) ?? []));
    }
    return seen;
  };
  const reached = new Map([...arrows.keys()].map((node) => [node, reach(node)]));
  const found = new Set<string>();
  for (const [node, seen] of reached)
    if (seen.has(node))
      found.add(
        [...seen]
          .filter((other) => reached.get(other)?.has(node))
          .sort()
          .join(' '),
      );
  return [...found].map((circle) => circle.split(' '));
}

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

interface VirtualListProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  /** Pixels of a row. */
  readonly rowHeight: number;
  /** Names the list to those who do not see it. */
  readonly label: string;
  /** One row: something that can have the focus, such as a link. */
  readonly children: (item: T) => ComponentChildren;
  readonly onScroll?: (top: number) => void;
}

/** A list of any length, of which only what can be seen is in the page. Arrow keys go from row to row. */
export function VirtualList<T>({ children, items, keyOf, label, onScroll, rowHeight }: VirtualListProps<T>) {
  const frame = useRef<HTMLElement>(null);
  const [, draw] = useReducer((count: number, _: undefined) => count + 1, 0);
  const options = {
    count: items.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    getItemKey: (index: number) => keyOf(items[index] as T),
    overscan: 6,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => draw(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options));
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, rowHeight]);

  const focusRow = (index: number) => {
    const row = Math.max(0, Math.min(items.length - 1, index));
    virtualizer.scrollToIndex(row);
    // It may have to be drawn first.
    requestAnimationFrame(() =>
      frame.current?.querySelector<HTMLElement>(`[data-row="${row}"] > :first-child`)?.focus(),
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-row]')?.dataset.row;
    if (row === undefined) return;
    const page = Math.max(1, Math.floor((frame.current?.clientHeight ?? 0) / rowHeight) - 1);
    const to: Readonly<Record<string, number>> = {
      ArrowDown: Number(row) + 1,
      ArrowUp: Number(row) - 1,
      PageDown: Number(row) + page,
      PageUp: Number(row) - page,
      Home: 0,
      End: items.length - 1,
    };
    const index = to[event.key];
    if (index === undefined) return;
    event.preventDefault();
    focusRow(index);
  };
  return (
    <section
      class="live"
      ref={frame}
      aria-label={label}
      onKeyDown={onKeyDown}
      onScroll={() => onScroll?.(frame.current?.scrollTop ?? 0)}
    >
      <ul style={{ height: `${virtualizer.getTotalSize()}px` }}>
        {virtualizer.getVirtualItems().map(({ index, key, size, start }) => (
          <li
            key={key}
            data-row={index}
            aria-setsize={items.length}
            aria-posinset={index + 1}
            style={{ height: `${size}px`, transform: `translateY(${start}px)` }}
          >
            {children(items[index] as T)}
          </li>
        ))}
      </ul>
    </section>
  );
}

import { useEffect, useState } from 'preact/hooks';

/** Whether the window is at most so wide, now and later. */
export function useIsNarrow(width: string): boolean {
  const [isNarrow, setNarrow] = useState(false);
  useEffect(() => {
    const query = matchMedia(`(max-width: ${width})`);
    const look = () => setNarrow(query.matches);
    look();
    query.addEventListener('change', look);
    return () => query.removeEventListener('change', look);
  }, [width]);
  return isNarrow;
}

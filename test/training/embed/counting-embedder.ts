import type { Embedder } from 'pointsman';

/** Gives `[length, first character]`, and notes every text it was asked for. */
export function countingEmbedder(id = 'counting') {
  const asked: string[] = [];
  const embedder: Embedder = {
    id,
    dimensions: 2,
    async embed(texts) {
      asked.push(...texts);
      return texts.map((text) => Float32Array.of(text.length, text.charCodeAt(0) || 0));
    },
  };
  return { asked, embedder };
}

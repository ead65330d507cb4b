export { type NoveltyScore, type NoveltySpec, readNovelty } from '../novelty.ts';

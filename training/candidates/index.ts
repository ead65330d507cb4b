export { type AddCandidateInput, type AddedCandidate, addCandidate } from './add-candidate.ts';
export { type Interval, type OnboardedCandidate, onboardedOf } from './onboarded-candidate.ts';
export { restoreCandidate, retireCandidate } from './retire-candidate.ts';
export { type CandidateSettings, setCandidate } from './set-candidate.ts';

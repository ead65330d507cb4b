export { fitTaskClassifier } from './fit-task-classifier.ts';
export type { FittedMember, MemberData, TunedMember } from './member.ts';
export { type SharedLinear, type SharedLinearData, tuneSharedLinear } from './shared-linear.ts';
export { isFullyObserved } from './squared-error.ts';
export { type Stack, stackMembers } from './stack-members.ts';
export { MEMBER_NAMES, type MemberName, tuneMembers } from './tune-members.ts';

import type { Manifest } from 'pointsman/artifact';

/** Whether TF.js can make a router's choice alone, and with which file; else what stands in the way. */
export function describeChoiceModel({ candidates, model }: Manifest): string {
  if (model.router !== undefined) {
    const retired = candidates.some((candidate) => candidate.retired === true);
    return (
      `${model.router} is the choice as a TF.js model: predict of features gives the probabilities of the candidates, in ` +
      `their order${retired ? ', the retired ones among them' : ''}.`
    );
  }
  const rest = `${model.topology} holds what of the router is made of layers.`;
  if (model.notLayers === undefined || model.notLayers.length === 0)
    return `No TF.js model gives the choice alone; ${rest}`;
  return `No TF.js model gives the choice alone, since it is made of more than layers: ${model.notLayers.join(', ')}; ${rest}`;
}

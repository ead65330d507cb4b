import { pointAtVersion } from '../../../training/artifact/write-artifact.ts';

// Points a folder at versions, one after the other, beside others who do the same.
const [folder, ...versions] = process.argv.slice(2);
process.send?.('ready');
process.once('message', async () => {
  for (const version of versions) await pointAtVersion(folder, version);
  process.disconnect();
});

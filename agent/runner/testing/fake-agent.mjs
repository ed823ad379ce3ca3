// An agent in a test: says who it is, has been greeted by a relay unless told otherwise, and stays.
import { existsSync, renameSync, writeFileSync } from 'node:fs';

const [state, manifest, kind, processModule] = process.argv.slice(2);
const { selfIdentity } = await import(processModule);
const now = Date.now();
const content = {
  format: 1,
  ...selfIdentity(),
  instance: `i${process.pid}`,
  identity: JSON.parse(manifest),
  startedAt: now,
};
if (kind !== 'silent') {
  writeFileSync(`${state}.new`, JSON.stringify(kind === 'shy' ? content : { ...content, helloAt: now }));
  renameSync(`${state}.new`, state);
}
// it must not outlive its host, however the test ended
setInterval(() => existsSync(process.argv[1]) || process.exit(), 1000);

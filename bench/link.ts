/** 200 MB of output as fast as agent, relay and operator can, without a host: by how much agent and relay grow. */
import assert from 'node:assert/strict';
import { LinkRig } from '../test/link/rig.ts';
import { printTable, seconds } from './table.ts';

const MEGABYTES = 200;
const ROUNDS = 5;
const MIB = 1024 * 1024;
const KINDS = ['agent', 'relay'] as const;

export async function benchLink(): Promise<void> {
  const rows: string[][] = [];
  for (let round = 1; round <= ROUNDS; round++) rows.push([String(round), ...(await measure())]);
  console.log(
    `${MEGABYTES} MB in lines of 128 bytes to one viewer; growth is the peak above the level after a first run of 4 MB\n`,
  );
  printTable(['round', 'agent', 'relay', 'time'], rows);
}

async function measure(): Promise<string[]> {
  await using rig = await LinkRig.start();
  await using operator = await rig.operator();
  rig.plan({ steps: [{ text: 'x'.repeat(1023) + '\n', times: 4096 }] });
  await operator.finished(await operator.update('web'));
  rig.plan({ steps: [{ text: 'y'.repeat(127) + '\n', times: MEGABYTES * 8192, chunk: 8192 }] });
  const before = { agent: rig.memory('agent'), relay: rig.memory('relay') };
  const most = { ...before };
  const sampling = setInterval(() => {
    for (const kind of KINDS) most[kind] = Math.max(most[kind], rig.memory(kind));
  }, 25);
  const begin = performance.now();
  const run = await operator.finished(await operator.update('web'), 10 * 60_000);
  const took = performance.now() - begin;
  clearInterval(sampling);
  assert.ok(run.bytes('output').equals(rig.runFile(run.runId, 'output.log')), 'byte for byte');
  return [...KINDS.map(kind => `+${Math.round((most[kind] - before[kind]) / MIB)} MB`), seconds(took)];
}

import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { PHASES } from '../../protocol/index.ts';
import { allCells, FAULTS, isRun } from './table.ts';

describe('the fault matrix', () => {
  it('has a cell for every phase and fault: run, or not, with a reason', () => {
    const cells = allCells();
    assert.equal(cells.length, PHASES.length * Object.keys(FAULTS).length);
    assert.equal(new Set(cells.map(({ phase, fault }) => `${phase}/${fault}`)).size, cells.length);
    for (const cell of cells) assert.ok(isRun(cell) ? cell.ends.length > 0 : cell.why.length > 10);
  });

  it('runs every fault somewhere, and something in every phase', () => {
    const run = allCells().filter(isRun);
    assert.deepEqual(new Set(run.map(({ fault }) => fault)), new Set(Object.keys(FAULTS)));
    assert.deepEqual(new Set(run.map(({ phase }) => phase)), new Set(PHASES));
  });
});

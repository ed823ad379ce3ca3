import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { StepView } from '../protocol/panel.ts';
import { shares } from './shares.ts';

const step = (phase: string, startedAt: number | null, endedAt: number | null = null): StepView => ({
  phase,
  label: phase,
  mark: 'done',
  markLabel: '',
  startedAt,
  endedAt,
});

describe('where the time of a run went', () => {
  it('is the share of each phase on the host, without the queue', () => {
    const steps = [
      step('queued', 0, 900),
      step('pulling', 900, 1000),
      step('building', 1000, 1900),
      step('activating', null),
    ];
    assert.deepEqual(
      shares(steps, 9999).map(({ phase, ms, percent }) => [phase, ms, percent]),
      [
        ['pulling', 100, 10],
        ['building', 900, 90],
      ],
    );
  });

  it('counts what goes on until now', () => {
    const steps = [step('pulling', 0, 100), step('building', 100)];
    assert.deepEqual(
      shares(steps, 400).map(({ percent }) => percent),
      [25, 75],
    );
  });

  it('leaves out what took next to nothing, and says nothing where one phase is all', () => {
    assert.deepEqual(shares([step('accepted', 0, 1), step('building', 1, 1000)], 0), []);
    assert.deepEqual(shares([], 0), []);
  });

  it('does not go backwards with a clock that does', () => {
    assert.deepEqual(shares([step('pulling', 500, 400), step('building', 400, 400)], 0), []);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { lingerProblem } from './linger.ts';

const SYSTEMD = '/run/systemd/system';
const among =
  (...paths: string[]) =>
  (path: string): boolean =>
    paths.includes(path);

describe('an agent of a home', () => {
  it('ends at the logout of a user who does not linger, which is said with what to do', () => {
    const problem = lingerProblem({ platform: 'home-manager' }, among(SYSTEMD), 'ana');
    assert.match(problem?.message ?? '', /^ana does not linger/);
    assert.match(problem?.advice ?? '', /sudo loginctl enable-linger ana/);
  });

  it('stays where the user lingers, or where there is no systemd that would end it', () => {
    assert.equal(
      lingerProblem({ platform: 'home-manager' }, among(SYSTEMD, '/var/lib/systemd/linger/ana'), 'ana'),
      undefined,
    );
    assert.equal(lingerProblem({ platform: 'home-manager' }, among(), 'ana'), undefined);
    assert.equal(lingerProblem({ platform: 'nixos' }, among(SYSTEMD), 'ana'), undefined);
  });
});

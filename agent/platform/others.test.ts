import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { commandLines, findActivation, somebodyElse } from './others.ts';

const STORE = '/nix/store/0c3mwv6v5lm0sjk0nq4yb1d6ci4a2x0p';

describe('somebody else who activates', () => {
  it('is seen by what they run', () => {
    for (const line of [
      `${STORE}-home-manager-generation/activate --driver-version 1`,
      `/nix/store/x-bash/bin/bash -e ${STORE}-home-manager-generation/activate`,
      '/bin/bash /etc/profiles/per-user/ana/bin/home-manager --flake . switch',
      '/nix/store/x-bash/bin/bash /home/ana/.nix-profile/bin/home-manager switch --flake .',
    ])
      assert.equal(findActivation('home-manager', ['/sbin/launchd', line]), line);
    for (const line of [
      `/bin/bash ${STORE}-darwin-system-25.11.5/activate`,
      '/bin/bash /run/current-system/sw/bin/darwin-rebuild switch --flake .',
    ])
      assert.equal(findActivation('nix-darwin', [line]), line);
  });

  it('is not who reads, builds, or edits', () => {
    for (const line of [
      'less /nix/store/x-home-manager-generation/activate',
      'vim home-manager/switch.nix',
      '/bin/bash /home/ana/.nix-profile/bin/home-manager build --flake .',
      'tail -f darwin-rebuild-switch.log',
    ]) {
      assert.equal(findActivation('home-manager', [line]), undefined, line);
      assert.equal(findActivation('nix-darwin', [line]), undefined, line);
    }
    assert.equal(somebodyElse('home-manager', []), undefined);
  });

  it('keeps the activation from beginning, and is named', () => {
    const reason = somebodyElse('nix-darwin', [`${STORE}-darwin-system-1/activate`]);
    assert.equal(reason?.kind, 'switch-busy');
    assert.match(reason.message, /darwin-system-1\/activate/);
  });

  it('is looked for among all processes', () => {
    assert.ok(commandLines().some(line => line.includes('mocha')));
  });
});

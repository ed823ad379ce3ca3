import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ENROLL_PLATFORMS, hostNameSchema } from '../../protocol/index.ts';
import { ENGLISH } from '../base/locale.ts';
import { enrollmentQuery, enrollmentText, hostNameFor, parseEnrollment, type Enrollment } from './enrollment.ts';

const FINGERPRINT = Array<string>(32).fill('AB').join(':');
const ENROLLMENT: Enrollment = {
  host: 'web1',
  platform: 'nixos',
  owner: 'bea',
  url: 'wss://192.168.1.20:7780',
  fingerprint: FINGERPRINT,
  enrolled: true,
};

const text = (part: Partial<Enrollment> = {}): string => enrollmentText({ ...ENROLLMENT, ...part }, ENGLISH);

describe('the text of an enrolment', () => {
  it('has what goes into nixcfg and what is typed on the host, for each platform', () => {
    for (const [platform, ...parts] of [
      ['nixos', 'inputs.nixfleet.nixosModules.agent', 'owner = "bea";', 'sudo nixos-rebuild switch --flake .#web1'],
      ['home-manager', 'inputs.nixfleet.homeModules.agent', 'home-manager switch --flake .#bea', 'enable-linger bea'],
      ['nix-darwin', 'inputs.nixfleet.darwinModules.agent', 'sudo darwin-rebuild switch', 'chown _nixfleet'],
    ] as const) {
      const said = text({ platform });
      const common = [`fingerprint = "${FINGERPRINT}";`, 'relayUrl = "wss://192.168.1.20:7780";', 'host = "web1";'];
      for (const part of [...parts, ...common]) assert.ok(said.includes(part), part);
      assert.doesNotMatch(said, /undefined|\bana\b|nixfleet-relay/);
    }
    assert.equal(ENROLL_PLATFORMS.length, 3);
  });

  it('begins with what is typed on the relay, where this window cannot do it', () => {
    assert.match(
      text({ enrolled: false }),
      /## 1\. On the relay.*\n\n```sh\nsudo nixfleet-relay enroll web1 --token-only\n/,
    );
  });

  it('says when the relay is for this machine only', () => {
    assert.match(text({ url: 'ws://127.0.0.1:7780', fingerprint: undefined }), /web1 has to be on it/);
    assert.doesNotMatch(text(), /has to be on it/);
  });

  it('is there again from its address', () => {
    assert.deepEqual(parseEnrollment(enrollmentQuery(ENROLLMENT)), ENROLLMENT);
  });

  it('is not made from an address that would bring something else into nixcfg', () => {
    for (const part of [
      { host: 'web"; evil' },
      { owner: '$(id)' },
      { url: 'wss://x"; evil = "' },
      { url: 'https://relay.example.org' },
      { fingerprint: 'AB' },
      { platform: 'windows' },
    ]) {
      assert.equal(parseEnrollment(JSON.stringify({ ...ENROLLMENT, ...part })), undefined, JSON.stringify(part));
    }
    assert.equal(parseEnrollment('{'), undefined);
  });
});

describe('the name of a host', () => {
  it('is made of the name of its configuration', () => {
    assert.equal(hostNameFor('web1'), 'web1');
    assert.equal(hostNameFor('ana@mac.local'), 'ana-mac.local');
    assert.equal(hostNameFor('"ana"'), 'ana');
    for (const name of ['ana@mac', '-x-', 'ä b']) assert.ok(hostNameSchema.safeParse(hostNameFor(name)).success, name);
  });
});

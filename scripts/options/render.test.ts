import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { optionsDocument, type Option } from './render.ts';

const option = (name: string, more: Partial<Option> = {}): Option => ({
  name: `services.nixfleet-agent.${name}`,
  type: 'string',
  description: `About ${name}.\n`,
  ...more,
});

describe('the document of options', () => {
  const both = option('relayUrl', { example: '"wss://relay"' });
  const text = optionsDocument({
    agent: {
      nixos: [option('deadlines.pulling', { default: '120' }), option('method', { default: '"staged"' }), both],
      'home-manager': [both],
      'nix-darwin': [both],
    },
    relay: { nixos: [option('port', { type: '16 bit', default: '7780' })] },
  });

  it('says of each option what it is, and what it is without being set', () => {
    assert.match(text, /### `services\.nixfleet-agent\.port`\n\nAbout port\.\n\n- type: `16 bit`\n- default: `7780`\n/);
    assert.match(text, /- type: `string`\n- example: `"wss:\/\/relay"`\n/);
  });

  it('says where an option is, when it is not everywhere', () => {
    assert.match(text, /About method\.\n\n- on: NixOS\n/);
    assert.doesNotMatch(text, /About relayUrl\.\n\n- on:/);
  });

  it('begins with what has to be set, and ends with deadlines', () => {
    const order = ['relayUrl', 'method', 'deadlines.pulling'].map(name => text.indexOf(`About ${name}.`));
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  });
});

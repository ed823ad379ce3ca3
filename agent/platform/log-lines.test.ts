import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { linesSince } from './log-lines.ts';
import { forBackground, logPathsOf } from './plist-text.ts';

describe("an agent's log file", () => {
  const at = (text: string): number => Date.parse(text);
  const LOG = [
    '2026-01-02T10:00:00.000Z info  an earlier start',
    '2026-01-02T11:00:00.000Z info  nixfleet-agent 2.0.0',
    '2026-01-02T11:00:01.000Z error cannot go on',
    '    at something (file.ts:1:2)',
    '',
  ].join('\n');

  it('is cut at a time; what has no time belongs to the line before it', () => {
    assert.deepEqual(linesSince(LOG, at('2026-01-02T11:00:00.500Z')), [
      '2026-01-02T11:00:01.000Z error cannot go on',
      '    at something (file.ts:1:2)',
    ]);
    assert.equal(linesSince(LOG, at('2026-01-02T09:00:00Z')).length, 4);
  });

  it('keeps the last words of a program that could not say the time', () => {
    const text = `${LOG}node: bad option\n`;
    assert.equal(linesSince(text, at('2026-01-02T12:00:00Z')).at(-1), 'node: bad option');
  });
});

const PLIST = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>org.x</string>
	<key>StandardErrorPath</key>
	<string>/Users/ana/a &amp; b/agent.log</string>
</dict>
</plist>
`;

describe('a plist that Nix wrote', () => {
  it('names the log', () => {
    assert.deepEqual(logPathsOf(PLIST), ['/Users/ana/a & b/agent.log']);
  });

  it('becomes one for a session without a screen', () => {
    const type = '<key>LimitLoadToSessionType</key><string>Background</string>';
    assert.ok(forBackground(PLIST).includes(type));
    const limited = PLIST.replace(
      '<key>Label',
      '<key>LimitLoadToSessionType</key>\n<array>\n<string>Aqua</string>\n</array>\n<key>Label',
    );
    assert.equal(forBackground(limited).match(/LimitLoadToSessionType/g)?.length, 1);
    assert.ok(forBackground(limited).includes(type));
  });
});

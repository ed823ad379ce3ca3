import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { panelHtml } from './panel-html.ts';

const page = {
  language: 'en',
  cspSource: 'https://*.vscode-cdn.net',
  scriptUri: 'https://a/s.js',
  styleUri: 'https://a/s.css',
  runId: 'R',
};

describe('the page of a run panel', () => {
  it('lets in nothing but its script and its style sheet', () => {
    const html = panelHtml(page);
    const [, policy = ''] = /Content-Security-Policy" content="([^"]*)"/.exec(html) ?? [];
    assert.match(policy, /^default-src &#39;none&#39;; style-src https:\/\/\*\.vscode-cdn\.net &#39;nonce-/);
    assert.doesNotMatch(policy, /unsafe|script-src[^;]*https/);
    const [, nonce = ''] = /script-src &#39;nonce-([\w-]+)&#39;/.exec(policy) ?? [];
    assert.ok(nonce.length >= 24);
    assert.ok(html.includes(`<script nonce="${nonce}" src="https://a/s.js">`));
    assert.equal(html.match(/<script/g)?.length, 1);
  });

  it('has other nonces each time, and another for styles than for scripts', () => {
    const nonces = [panelHtml(page), panelHtml(page)].flatMap(html =>
      [...html.matchAll(/&#39;nonce-([\w-]+)&#39;/g)].map(([, nonce]) => nonce),
    );
    assert.equal(new Set(nonces).size, 4);
  });

  it('cannot be broken out of', () => {
    const html = panelHtml({ ...page, scriptUri: '"><script>alert(1)</script>', runId: `'"<&>` });
    assert.equal(html.match(/<script/g)?.length, 1);
  });
});

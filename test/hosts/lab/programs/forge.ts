// A GitHub Enterprise in miniature: what Nix asks for a `github:` input with a host of its own (the newest commit of a ref,
// a tarball of a commit), and GitHub's answers to somebody who asked too often. A line on stdout for each request.
// Usage: forge.ts ADDRESS KEY CERTIFICATE REPOSITORY CONTROL
// CONTROL is a file that holds the status to refuse with, or nothing.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { execa } from 'execa';

const [address, key, certificate, repository, control] = process.argv.slice(2);
if (!address || !key || !certificate || !repository || !control)
  throw new Error('usage: forge.ts ADDRESS KEY CERTIFICATE REPOSITORY CONTROL');

const git = (...args: string[]) => execa('git', ['-C', repository, ...args], { encoding: 'buffer', stdin: 'ignore' });

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** As of docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function refuse(status: number, caller: string): Answer {
  return {
    status,
    headers: { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '0', 'x-ratelimit-used': '60', 'retry-after': '1' },
    body: JSON.stringify({
      message: `API rate limit exceeded for ${caller}. (But here's the good news: Authenticated requests get a higher rate limit.)`,
      documentation_url: 'https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting',
    }),
  };
}

async function answer(path: string, caller: string): Promise<Answer> {
  const limited = Number(readFileSync(control ?? '', 'utf8'));
  if (limited) return refuse(limited, caller);
  const [, name = '', verb, ref = ''] =
    /^\/api\/v3\/repos\/([^/]+\/[^/]+)\/(commits|tarball)\/([\w./-]+)$/.exec(path) ?? [];
  const commit = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`).catch(
    () => undefined,
  );
  if (verb === undefined || !commit) return { status: 404, body: JSON.stringify({ message: 'Not Found' }) };
  const sha = Buffer.from(commit.stdout).toString();
  if (verb === 'commits') {
    const tree = Buffer.from((await git('rev-parse', `${sha}^{tree}`)).stdout).toString();
    return { status: 200, body: JSON.stringify({ sha, commit: { tree: { sha: tree } } }) };
  }
  const archive = await git(
    'archive',
    '--format=tar.gz',
    `--prefix=${name.replace('/', '-')}-${sha.slice(0, 7)}/`,
    sha,
  );
  return { status: 200, type: 'application/x-gzip', body: archive.stdout };
}

const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
  const path = request.url ?? '';
  void answer(path, request.socket.remoteAddress ?? '').then(({ status, type = 'application/json', headers, body }) => {
    console.log(`${status} ${path}`);
    response.writeHead(status, { 'content-type': type, ...headers }).end(body);
  });
});
server.listen(443, address, () => console.log('serving'));

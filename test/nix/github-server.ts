// What nix asks GitHub for a `github:` input: the newest commit of a ref (api.github.com) and the archive of a commit
// (github.com). Every ref is the branch main. A line on stdout for each request.
// Usage: github-server.ts ADDRESS KEY CERTIFICATE OWNER/NAME=REPOSITORY...
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { execa } from 'execa';

const [address, key, certificate, ...rest] = process.argv.slice(2);
if (!address || !key || !certificate)
  throw new Error('usage: github-server.ts ADDRESS KEY CERTIFICATE NAME=REPOSITORY...');
const repositories = new Map(rest.map(each => each.split('=') as [string, string]));

type Answer = readonly [status: number, type: string, body: string | Uint8Array];
const NOT_FOUND: Answer = [404, 'application/json', JSON.stringify({ message: 'Not Found' })];

async function answer(path: string): Promise<Answer> {
  const [, name = '', archived] =
    /^\/repos\/([^/]+\/[^/]+)\/commits\/[\w./-]+$/.exec(path) ??
    /^\/([^/]+\/[^/]+)\/archive\/([0-9a-f]{40})\.tar\.gz$/.exec(path) ??
    [];
  const repository = repositories.get(name);
  if (repository === undefined) return NOT_FOUND;
  const git = (...args: string[]) => execa('git', ['-C', repository, ...args], { encoding: 'buffer', stdin: 'ignore' });
  if (archived !== undefined) {
    const { stdout } = await git(
      'archive',
      '--format=tar.gz',
      `--prefix=${name.split('/')[1] ?? ''}-${archived}/`,
      archived,
    );
    return [200, 'application/x-gzip', stdout];
  }
  const { stdout } = await git('show', '--no-patch', '--format=%H %T', 'main');
  const [sha, tree] = Buffer.from(stdout).toString().trim().split(' ');
  return [200, 'application/json', JSON.stringify({ sha, commit: { tree: { sha: tree } } })];
}

const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
  const path = new URL(request.url ?? '/', 'https://github.com').pathname;
  void answer(path)
    .catch((): Answer => NOT_FOUND)
    .then(([status, type, body]) => {
      console.log(`${status} ${request.headers.host ?? ''}${path}`);
      response.writeHead(status, { 'content-type': type }).end(body);
    });
});
server.listen(443, address, () => console.log('serving'));

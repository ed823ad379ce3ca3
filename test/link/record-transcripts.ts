// node test/link/record-transcripts.ts FOLDER: what agent and relay of this checkout say to each other, for protocol/transcripts
import { mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakePlan } from '../../agent/testing/fake-runner.ts';
import { PROTOCOL } from '../../protocol/index.ts';
import { Operator } from '../support/operator.ts';
import { RecordingProxy } from './recording-proxy.ts';
import { LinkRig } from './rig.ts';

interface Stage {
  readonly rig: LinkRig;
  readonly operator: Operator;
  readonly proxy: RecordingProxy;
}

const LINES = { text: 'building line # \u001b[32mok\u001b[0m\n', times: 40, chunk: 10, pause: 60 };

const SCENES: Record<
  string,
  { readonly plan: (rig: LinkRig) => FakePlan; readonly play: (stage: Stage) => Promise<void> }
> = {
  'an-update': {
    plan: () => ({ lockBefore: '{"nodes":"before"}', lockAfter: '{"nodes":"after"}', steps: [LINES, LINES] }),
    play: async ({ operator }) => {
      await operator.ask({ type: 'refresh', host: 'web' });
      await operator.finished(await operator.update('web', { rollback: 'never', deadlines: { building: 60_000 } }));
    },
  },
  'an-agent-that-comes-back': {
    plan: rig => ({ steps: [{ ...LINES, waitFor: rig.join('go') }, LINES] }),
    play: async ({ rig, operator }) => {
      const run = await operator.watch(await operator.update('web'));
      await operator.waitFor('the first half', () => run.output.includes('line 39'));
      await rig.kill('agent');
      await operator.waitFor('the host to be gone', () => operator.hosts.get('web')?.online === false);
      await rig.startAgent();
      await operator.waitFor('the host to be back', () => operator.hosts.get('web')?.online);
      rig.signal('go');
      await operator.finished(run.runId);
    },
  },
  'a-host-that-lost-power': {
    plan: rig => ({ steps: [{ ...LINES, waitFor: rig.join('go') }, LINES] }),
    play: async ({ rig, operator }) => {
      const run = await operator.watch(await operator.update('web'));
      await operator.waitFor('the first half', () => run.output.includes('line 39'));
      await rig.kill('agent');
      const { pid } = JSON.parse(rig.runFile(run.runId, 'runner').toString()) as { pid: number };
      process.kill(pid, 'SIGKILL');
      truncateSync(rig.join('state/runs', run.runId, 'output.log'), 500);
      rig.signal('go');
      await rig.startAgent();
      await operator.finished(run.runId);
    },
  },
  'a-refusal': {
    plan: () => ({ refuse: 'busy', steps: [] }),
    play: async ({ operator }) => {
      const runId = await operator.update('web');
      await operator.waitFor('the refusal', () => operator.runs.get(runId)?.delivery === 'refused');
    },
  },
  'a-wish-to-cancel': {
    plan: rig => ({ steps: [{ ...LINES, waitFor: rig.join('go') }] }),
    play: async ({ rig, operator }) => {
      const runId = await operator.update('web');
      await operator.waitFor('the run to begin', () => (operator.runs.get(runId)?.seq ?? 0) > 3);
      await operator.ask({ type: 'cancel', runId });
      rig.signal('go');
      await operator.finished(runId);
    },
  },
  'a-relay-that-lost-its-disk': {
    plan: () => ({ lockBefore: 'a', steps: [LINES] }),
    play: async ({ rig, operator, proxy }) => {
      const runId = (await operator.finished(await operator.update('web'))).runId;
      await rig.kill('relay');
      proxy.lines.length = 0;
      renameSync(rig.join('relay'), rig.join('lost'));
      await rig.startRelay();
      await rig.enroll();
      await using later = await rig.operator('bea');
      await later.waitFor('the relay to hear of the run', () => later.runs.has(runId));
      await later.finished(runId);
    },
  },
};

/** Without what names the machine that it was recorded on. */
function anonymous(line: string): string {
  return line.replace(/"(instance|bootId)":"[^"]*"/g, '"$1":"00000000-0000-4000-8000-000000000000"');
}

const folder = process.argv[2] ?? '';
if (folder === '') throw new Error('say which folder');
mkdirSync(folder, { recursive: true });
for (const [name, { plan, play }] of Object.entries(SCENES)) {
  const recordedAt = Date.now();
  await using stack = new AsyncDisposableStack();
  const proxies: RecordingProxy[] = [];
  const rig = stack.use(
    await LinkRig.start({
      between: async url => {
        const proxy = stack.use(await RecordingProxy.to(url));
        proxies.push(proxy);
        return proxy.url;
      },
    }),
  );
  const [proxy] = proxies;
  if (!proxy) throw new Error('no proxy');
  rig.plan(plan(rig));
  const token = await rig.relayVerb('operator', 'ana', '--token-only');
  const operator = stack.use(await Operator.connect({ url: proxy.url, token }));
  await operator.waitFor('the agent', () => operator.hosts.get('web')?.online);
  await play({ rig, operator, proxy });
  const hello = proxy.lines.find(({ text }) => text?.type === 'hello')?.text as
    { agent?: { version: string } } | undefined;
  const head = { transcript: 1, protocol: PROTOCOL, agent: hello?.agent?.version, recordedAt };
  const lines = [head, ...proxy.lines].map(line => anonymous(JSON.stringify(line).replaceAll(rig.path, '/srv/rig')));
  writeFileSync(join(folder, `${name}.ndjson`), `${lines.join('\n')}\n`);
  console.log(`${name}: ${proxy.lines.length} messages`);
}

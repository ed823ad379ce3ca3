import type { HostStatus, LockedRef, RunId } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import type { AgentIdentity } from '../identity.ts';
import { isRunning } from '../process.ts';
import type { AgentState } from '../run-directory/agent-state.ts';

export interface ReportInput {
  readonly config: Pick<AgentConfig, 'host' | 'relayUrl' | 'inputName'>;
  readonly identity: AgentIdentity;
  /** What the agent at work says of itself, if there is one. */
  readonly state: AgentState | undefined;
  readonly status: HostStatus | undefined;
  /** The newest runs; undefined when whoever asks may not look at them. */
  readonly runs: readonly { readonly runId: RunId; readonly summary: string }[] | undefined;
  readonly now: number;
}

/** What a host is, for a terminal. */
export function describeHost({ config, identity, state, status, runs, now }: ReportInput): string {
  const rows: [string, string][] = [
    ['host', config.host],
    [
      'this agent',
      `${identity.version} (${identity.rev})${identity.manifest ? ` ${identity.manifest.storePath}` : ''}`,
    ],
    ['at work', atWork(state, now)],
    ['relay', config.relayUrl],
  ];
  if (!status) rows.push(['status', 'not found out yet; `nixfleet-agent status --write` does']);
  else rows.push(...describeStatus(status, config.inputName, now));
  if (!runs) rows.push(['runs', 'for root and the group of the agent to see']);
  for (const run of runs ?? []) rows.push(['run', `${run.runId} ${run.summary}`]);
  return rows.map(([name, value]) => `${name.padEnd(11)} ${printable(value)}`).join('\n');
}

/** What others wrote must not steer the terminal of root, who asks. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

function describeStatus(status: HostStatus, inputName: string, now: number): [string, string][] {
  const { nixcfg, input, upstream, generation, reboot = [] } = status;
  const rows: [string, string][] = [];
  if (nixcfg) {
    const where = [nixcfg.branch, nixcfg.head?.slice(0, 12)].filter(part => part !== undefined).join(' at ');
    rows.push(['nixcfg', `${nixcfg.path} ${where}${nixcfg.dirty ? ', with changes' : ''}`.trim()]);
  }
  if (input) rows.push(['input', `${inputName} ${describeLocked(input)}`]);
  if (upstream) rows.push(['newest', `${upstream.rev.slice(0, 12)}, asked ${ago(now - upstream.checkedAt)}`]);
  if (generation) {
    const number = generation.number === undefined ? '' : `${generation.number}, `;
    rows.push(['generation', `${number}${generation.toplevel}`]);
  }
  if (reboot.length > 0) rows.push(['reboot', `needed for ${reboot.join(', ')}`]);
  for (const problem of status.problems) rows.push(['problem', problem]);
  rows.push(['found out', ago(now - status.at)]);
  return rows;
}

function describeLocked({ rev, lastModified, url }: LockedRef): string {
  const name = rev?.slice(0, 12) ?? url ?? 'without a revision';
  return lastModified === undefined ? name : `${name} of ${new Date(lastModified * 1000).toISOString().slice(0, 10)}`;
}

function atWork(state: AgentState | undefined, now: number): string {
  if (!state || !isRunning(state)) return 'no agent is running';
  const version = state.identity?.version ?? 'of unknown version';
  const greeted = state.helloAt === undefined ? 'never greeted by the relay' : `greeted ${ago(now - state.helloAt)}`;
  return `pid ${state.pid}, ${version}, ${greeted}`;
}

function ago(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} d ago`;
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isOver, type EnrollPlatform, type RunSummary } from '../../protocol/index.ts';
import { AdminError, enroll, revoke } from '../admin.ts';
import type { HostRecord, TokenOwner } from '../backbone/backbone.ts';
import { EmbeddedBackbone } from '../backbone/embedded/embedded.ts';
import { DATABASE } from '../backbone/embedded/open.ts';
import { readShownCertificate } from '../server/shown-certificate.ts';
import { actAsOwner } from './act-as-owner.ts';
import { fileText, nixcfgText } from './enroll-text.ts';

const WHO = 'command line';

/** Works on a data folder, whether or not a relay serves it at the same time. */
async function withStore<T>(dir: string, work: (backbone: EmbeddedBackbone) => Promise<T>): Promise<T> {
  actAsOwner(dir);
  const backbone = await EmbeddedBackbone.open({ dir, serve: false });
  try {
    return await work(backbone);
  } finally {
    await backbone.close();
  }
}

/** Works on a data folder that must be there already. */
function withExistingStore<T>(dir: string, work: (backbone: EmbeddedBackbone) => Promise<T>): Promise<T> {
  if (!existsSync(join(dir, DATABASE))) {
    throw new AdminError(`there is no relay's data in ${dir}; --data or NIXFLEET_RELAY_DATA says where it is`);
  }
  return withStore(dir, work);
}

export interface EnrollFlags {
  readonly replace: boolean;
  readonly tokenOnly: boolean;
  /** What kind of configuration the text for people is for. */
  readonly platform?: EnrollPlatform | undefined;
  /** Where agents reach the relay. */
  readonly url?: string | undefined;
  /** Whose checkout of nixcfg the host has. */
  readonly owner?: string | undefined;
}

export async function enrollCommand(
  dir: string,
  who: TokenOwner,
  { replace, tokenOnly, platform, url, owner }: EnrollFlags,
): Promise<void> {
  const token = await withStore(dir, backbone => enroll(backbone, who, { who: WHO, replace }));
  process.stdout.write(tokenOnly ? `${token}\n` : text());

  function text(): string {
    if (who.kind === 'operator') return operatorText(who.name, token);
    const enrolled = { host: who.name, token, url, owner, certificate: readShownCertificate(dir) };
    return platform ? nixcfgText(platform, enrolled) : fileText(enrolled);
  }
}

function operatorText(name: string, token: string): string {
  return `${name} may connect. The token, which is shown this once:

  ${token}

In VS Code run "NixFleet: Connect to a Relay…" and give it this relay's address and the token.
`;
}

export async function revokeCommand(dir: string, owner: TokenOwner): Promise<void> {
  await withExistingStore(dir, backbone => revoke(backbone, owner, WHO));
  process.stdout.write(`${owner.kind} ${owner.name} is revoked\n`);
}

export async function hostsCommand(dir: string, json: boolean): Promise<void> {
  const hosts = await withExistingStore(dir, async backbone => {
    const records = await backbone.hosts();
    return Promise.all(
      records.map(async host => ({ host, run: (await backbone.runs({ host: host.host, limit: 1 }))[0] })),
    );
  });
  if (json) {
    printLines(hosts.map(({ host, run }) => JSON.stringify({ ...host, lastRun: run })));
    return;
  }
  printTable(
    ['HOST', 'AGENT', 'LAST SEEN', 'LAST RUN'],
    hosts.map(({ host, run }) => [host.host, host.agent?.version ?? '', seen(host), run ? outcome(run) : '']),
  );
}

export async function runsCommand(
  dir: string,
  { host, limit, json }: { readonly host: string | undefined; readonly limit: number; readonly json: boolean },
): Promise<void> {
  const runs = await withExistingStore(dir, backbone => backbone.runs({ limit, ...(host !== undefined && { host }) }));
  if (json) {
    printLines(runs.map(run => JSON.stringify(run)));
    return;
  }
  printTable(
    ['RUN', 'HOST', 'ASKED', 'BY', 'STATE', 'AGENT'],
    runs.map(run => [run.runId, run.host, time(run.requestedAt), run.requestedBy, outcome(run), versions(run)]),
  );
}

function seen(host: HostRecord): string {
  return host.lastSeenAt === undefined ? 'never' : time(host.lastSeenAt);
}

function outcome(run: RunSummary): string {
  if (run.outcome) return run.outcome;
  return isOver(run) || run.delivery === 'queued' ? run.delivery : run.phase;
}

function versions({ versionBefore, versionAfter }: RunSummary): string {
  if (versionBefore === undefined || versionAfter === undefined) return versionAfter ?? versionBefore ?? '';
  return versionBefore === versionAfter ? versionBefore : `${versionBefore} → ${versionAfter}`;
}

function time(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').slice(0, 19);
}

function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const table = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0)));
  printLines(
    table.map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  );
}

function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map(line => `${line}\n`).join(''));
}

/** Hovers on inputs and hosts, in flake.nix and flake.lock. */
import type { Hover } from 'vscode-languageserver';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { flakeUrl, formatDate, plainText, revisionLink, type FlakeRef, type LockNode } from '../../flake-lock/index.ts';
import type { FlakeHost, FlakeInput, TextRange } from '../../flake-nix/index.ts';
import { duration, shortRev } from '../base/words.ts';
import { escaped, facts, linked } from './markdown.ts';
import { contains, rangeIn } from './ranges.ts';
import { hostsBuiltFrom, lockedInput, nixfleetInput, type LockFile, type Snapshot } from './snapshot.ts';

/** Hosts that a hover names for a revision, at the most. */
const NAMED_AT_MOST = 10;

export function flakeHover(snapshot: Snapshot, offset: number): Hover | undefined {
  const { flake } = snapshot;
  if (!flake) return undefined;
  for (const input of flake.flake.inputs) {
    const place = [input.at, input.url?.at, input.follows?.at].find(at => at && contains(at, offset));
    if (place) return hoverAt(flake.document, place, inputText(snapshot, input));
  }
  const host = flake.flake.hosts.find(({ at }) => contains(at, offset));
  const text = host && hostText(snapshot, host);
  return host && text ? hoverAt(flake.document, host.at, text) : undefined;
}

export function lockHover(snapshot: Snapshot, lock: LockFile, offset: number): Hover | undefined {
  for (const [key, { key: at, rev, inputs }] of lock.places) {
    const node = lock.lock?.nodes.get(key);
    const place = [at, rev].find(range => range && contains(range, offset));
    if (node && place) return hoverAt(lock.document, place, nodeText(snapshot, key, node));
    for (const [name, range] of inputs) {
      if (!contains(range, offset)) continue;
      const target = node?.inputs.get(name)?.node;
      const leadsTo = target === undefined ? undefined : lock.lock?.nodes.get(target);
      if (target !== undefined && leadsTo) return hoverAt(lock.document, range, nodeText(snapshot, target, leadsTo));
    }
  }
  return undefined;
}

function hoverAt(document: TextDocument, at: TextRange, value: string): Hover {
  return { contents: { kind: 'markdown', value }, range: rangeIn(document, at) };
}

function inputText(snapshot: Snapshot, input: FlakeInput): string {
  const { t } = snapshot.locale;
  const locked = lockedInput(snapshot, input.name);
  const heading = `**${escaped(input.name)}**`;
  if (!locked) return [heading, escaped(t('not in flake.lock'))].join('\n\n');
  const followed = input.follows && facts([[t('Follows'), escaped(input.follows.text)]]);
  const parts = [heading, followed, lockedText(snapshot, locked.node), whoRuns(snapshot, locked.key)];
  return parts.filter(part => part !== undefined && part !== '').join('\n\n');
}

function nodeText(snapshot: Snapshot, key: string, node: LockNode): string {
  const parts = [`**${escaped(plainText(key, 100))}**`, lockedText(snapshot, node), whoRuns(snapshot, key)];
  return parts.filter(part => part !== undefined && part !== '').join('\n\n');
}

function lockedText({ locale, now }: Snapshot, { locked, original }: LockNode): string {
  const { t } = locale;
  if (!locked) return '';
  const { rev, lastModified } = locked;
  const age = lastModified === undefined ? undefined : duration(now - lastModified * 1000, locale);
  const date = formatDate(lastModified);
  return facts([
    [
      t('Revision'),
      rev === undefined ? escaped(t('none: its source has no revisions')) : linked(rev, revisionLink(locked)),
    ],
    age === undefined || date === '' ? undefined : [t('Date'), escaped(t('{0} ({1} ago)', date, age))],
    original && [t('Asked for'), code(original)],
    [t('Locked as'), code(locked)],
  ]);
}

function code(ref: FlakeRef): string {
  return `\`${plainText(flakeUrl(ref), 300).replaceAll('`', '')}\``;
}

/** Which hosts run which revision, for the input that carries the agent. */
function whoRuns(snapshot: Snapshot, key: string): string | undefined {
  const { fleet, locale } = snapshot;
  const { t } = locale;
  const input = nixfleetInput(snapshot);
  const locked = input && lockedInput(snapshot, input.name);
  if (!fleet.known || locked?.key !== key) return undefined;
  const byRev = new Map<string, string[]>();
  for (const { name, agentRev } of fleet.hosts.values()) {
    if (agentRev === undefined) continue;
    byRev.set(agentRev, [...(byRev.get(agentRev) ?? []), name]);
  }
  const here = locked.node.locked?.rev;
  const lines = [...byRev]
    .sort(([a], [b]) => Number(b === here) - Number(a === here))
    .map(([rev, hosts]) => {
      const names = hosts.slice(0, NAMED_AT_MOST).join(', ');
      const more = hosts.length > NAMED_AT_MOST ? t('{0} and {1} more', names, hosts.length - NAMED_AT_MOST) : names;
      const which = rev === here ? t('{0} (this one)', shortRev(rev)) : shortRev(rev);
      return `- ${escaped(which)}: ${escaped(more)}`;
    });
  if (lines.length === 0) return escaped(t('No host runs it yet.'));
  return `${escaped(t('Hosts run:'))}\n\n${lines.join('\n')}`;
}

function hostText({ fleet, locale }: Snapshot, { kind, name, files }: FlakeHost): string | undefined {
  const { t } = locale;
  const file =
    files[0] === undefined
      ? undefined
      : facts([[t('Configured in'), `\`${plainText(files[0], 200).replaceAll('`', '')}\``]]);
  if (!fleet.known) return file;
  const hosts = hostsBuiltFrom(fleet, { kind, name });
  const lines = hosts.slice(0, NAMED_AT_MOST).map(host => {
    const rev = host.agentRev === undefined ? '' : ` (${escaped(shortRev(host.agentRev))})`;
    return `- **${escaped(host.name)}**: ${escaped(host.words)}${rev}`;
  });
  const none = escaped(t('No host that is built from it has connected to the relay.'));
  return [lines.length > 0 ? lines.join('\n') : none, file].filter(part => part !== undefined).join('\n\n');
}

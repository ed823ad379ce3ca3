/** Code lenses of flake.nix: what the fleet is, above where it is configured. */
import type { CodeLens, Command } from 'vscode-languageserver';
import type { FlakeHost, FlakeInput, TextRange } from '../../flake-nix/index.ts';
import { duration, shortRev } from '../base/words.ts';
import type { FleetHostView } from './protocol.ts';
import { rangeIn } from './ranges.ts';
import { hostsBehind, hostsBuiltFrom, lockedInput, nixfleetInput, type FlakeFile, type Snapshot } from './snapshot.ts';

/** Hosts that a lens names; of more it gives the number. */
const NAMED_AT_MOST = 3;

export function flakeLenses(snapshot: Snapshot): CodeLens[] {
  const { flake } = snapshot;
  if (!flake) return [];
  const input = nixfleetInput(snapshot);
  return [
    ...(input ? inputCommands(snapshot, input).map(command => lensAt(flake, input.at, command)) : []),
    ...flake.flake.hosts.flatMap(host => hostCommands(snapshot, host).map(command => lensAt(flake, host.at, command))),
  ];
}

function lensAt({ document }: FlakeFile, at: TextRange, command: Command): CodeLens {
  return { range: rangeIn(document, at), command };
}

function inputCommands(snapshot: Snapshot, input: FlakeInput): Command[] {
  const { fleet, locale, now } = snapshot;
  const { t } = locale;
  const commands: Command[] = [];
  const locked = lockedInput(snapshot, input.name);
  const { rev, lastModified } = locked?.node.locked ?? {};
  const runs = rev === undefined ? 0 : [...fleet.hosts.values()].filter(({ agentRev }) => agentRev === rev).length;
  const parts = [
    rev && shortRev(rev),
    lastModified === undefined ? undefined : t('{0} old', duration(now - lastModified * 1000, locale)),
    fleet.known && rev !== undefined ? t('{0} of {1} hosts run it', runs, fleet.hosts.size) : undefined,
  ].filter(part => part !== undefined);
  if (parts.length > 0)
    commands.push({ title: `$(lock) ${parts.join(' · ')}`, command: fleet.known ? 'nixfleet.hosts.focus' : '' });
  else if (!locked) commands.push({ title: `$(warning) ${t('not in flake.lock')}`, command: '' });
  const behind = locked ? hostsBehind(fleet, locked).filter(({ idle }) => idle) : [];
  if (behind.length > 0) {
    const title =
      behind.length === 1 ? t('1 host behind: Update Agent') : t('{0} hosts behind: Update Agent', behind.length);
    commands.push(updateCommand(title, behind));
  }
  if (fleet.trusted) {
    commands.push({
      title: t('Update {0} Input Here', input.name),
      tooltip: t('Finds the newest revision, shows what changes in flake.lock, and writes it when you say so.'),
      command: 'nixfleet.updateInput',
    });
  }
  return commands;
}

function hostCommands({ fleet, locale }: Snapshot, { kind, name }: FlakeHost): Command[] {
  const { t } = locale;
  if (!fleet.known) return [];
  const hosts = hostsBuiltFrom(fleet, { kind, name });
  const [first] = hosts;
  if (!first) return [{ title: `$(circle-slash) ${t('not enrolled')}`, command: '' }];
  const shown: Command[] =
    hosts.length > NAMED_AT_MOST
      ? [{ title: `$(server) ${t('{0} hosts', hosts.length)}`, command: 'nixfleet.hosts.focus' }]
      : hosts.map(host => stateCommand(host, hosts.length === 1 && host.name === name));
  const idle = hosts.filter(host => host.idle);
  if (idle.length === 0) return shown;
  const title = idle.length === 1 ? t('Update Agent') : t('Update Agent on {0} Hosts', idle.length);
  return [...shown, updateCommand(title, idle)];
}

function stateCommand(host: FleetHostView, isNamed: boolean): Command {
  const words = isNamed ? host.words : `${host.name}: ${host.words}`;
  return { title: `$(${host.icon}) ${words}`, command: 'nixfleet.revealHost', arguments: [nodeOf(host)] };
}

/** The command of the tree, with what the tree would give it. */
export function updateCommand(title: string, hosts: readonly FleetHostView[]): Command {
  const nodes = hosts.map(nodeOf);
  return { title, command: 'nixfleet.updateAgent', arguments: [nodes[0], nodes] };
}

function nodeOf({ name }: FleetHostView): { readonly kind: 'host'; readonly host: string } {
  return { kind: 'host', host: name };
}

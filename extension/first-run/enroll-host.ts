import { userInfo } from 'node:os';
import * as vscode from 'vscode';
import { hostNameSchema, type EnrollPlatform } from '../../protocol/index.ts';
import { inputStep } from '../commands/input-step.ts';
import { relayName } from '../connection/relay-url.ts';
import type { RelayTarget } from '../connection/relay-socket.ts';
import type { LocalRelay } from '../local-relay/local-relay.ts';
import { notEnrolled } from '../nixcfg/configurations.ts';
import { enrollCommand, enrollmentQuery, hostNameFor, ownerSchema, platformOf, type Enrollment } from './enrollment.ts';
import type { FirstRunServices } from './features-api.ts';
import { ENROLLMENT_SCHEME } from './enrollment-scheme.ts';

/** A configuration of nixcfg, or nothing but what a person will type. */
interface Candidate {
  readonly name: string;
  readonly platform: EnrollPlatform | undefined;
  /** The login name in `homeConfigurations."ana@mac"`. */
  readonly owner: string | undefined;
}

/**
 * Asks which host it is, and ends in text to paste. With the local relay the host has its token then; on another one a
 * person enrols it, by the command that the text begins with.
 * @param given the host of a row that says that it is not enrolled
 */
export async function enrollHost(services: FirstRunServices, local: LocalRelay, given?: string): Promise<void> {
  const { relays, locale } = services;
  const { t } = locale;
  const { target } = relays;
  if (!target) {
    void vscode.window.showInformationMessage(t('Connect to a relay first, or start a local one.'));
    return;
  }
  const asked = await askHost(services, given);
  if (!asked) return;
  const running = target.local === undefined ? undefined : await local.running();
  const isLocal = running !== undefined && running.id === target.local;
  const { url, fingerprint } = isLocal ? running : target;
  const enrollment: Enrollment = { ...asked, url, fingerprint, enrolled: isLocal };
  const token = isLocal ? await newToken(services, local, asked.host) : undefined;
  if (isLocal && token === undefined) return;
  const uri = vscode.Uri.from({
    scheme: ENROLLMENT_SCHEME,
    path: `/${asked.host}.md`,
    query: enrollmentQuery(enrollment),
  });
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: false });
  await (token === undefined ? offerCommand(services, target, enrollment) : offerToken(services, asked.host, token));
}

async function askHost(
  { relays, fleet, nixcfg, locale: { t } }: FirstRunServices,
  given: string | undefined,
): Promise<Pick<Enrollment, 'host' | 'platform' | 'owner'> | undefined> {
  const title = t('Enroll a Host');
  const candidates = notEnrolled(nixcfg.state, fleet.fleet.hosts).map(({ kind, name }) => ({
    name,
    platform: platformOf(kind),
    owner: kind === 'homeConfigurations' ? /^[^@]+/.exec(name)?.[0] : undefined,
  }));
  const candidate = candidates.find(({ name }) => name === given) ?? (await pickCandidate(candidates, title, t));
  if (!candidate) return undefined;
  for (let name = hostNameFor(candidate.name); ;) {
    const host = await inputStep({
      title,
      step: 1,
      totalSteps: 2,
      prompt: t('Name of the host, by which {0} knows it', relayName(relays.url ?? '')),
      placeholder: 'web1',
      value: name,
      accept: value =>
        hostNameSchema.safeParse(value.trim()).success
          ? undefined
          : t(
              'A name has 1 to 128 letters, digits, dots, dashes and underscores, and begins and ends with a letter or digit.',
            ),
    });
    if (host.kind !== 'entered') return undefined;
    name = host.value.trim();
    const platform = candidate.platform ?? (await pickPlatform(title, t));
    if (!platform) return undefined;
    const owner = await inputStep({
      title,
      step: 2,
      totalSteps: 2,
      prompt:
        platform === 'home-manager'
          ? t('Login name of the user whose home it is, on {0}', name)
          : t('Login name of whoever has the checkout of nixcfg, on {0}', name),
      placeholder: 'ana',
      value: candidate.owner ?? defaultOwner(),
      accept: value =>
        ownerSchema.safeParse(value.trim()).success ? undefined : t('This is not a login name, such as ana.'),
    });
    if (owner.kind === 'back') continue;
    return owner.kind === 'entered' ? { host: name, platform, owner: owner.value.trim() } : undefined;
  }
}

type Translate = FirstRunServices['locale']['t'];

async function pickCandidate(
  candidates: readonly Candidate[],
  title: string,
  t: Translate,
): Promise<Candidate | undefined> {
  const another: Candidate = { name: '', platform: undefined, owner: undefined };
  if (candidates.length === 0) return another;
  const items = candidates.map(candidate => ({
    label: `$(vm-outline) ${candidate.name}`,
    description: candidate.platform ? platformName(candidate.platform) : '',
    candidate,
  }));
  items.push({ label: `$(edit) ${t('Another Host…')}`, description: '', candidate: another });
  const placeHolder = t('Which of the hosts that nixcfg configures?');
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder, ignoreFocusOut: true });
  return picked?.candidate;
}

async function pickPlatform(title: string, t: Translate): Promise<EnrollPlatform | undefined> {
  const details: Readonly<Record<EnrollPlatform, string>> = {
    nixos: t('The whole system is configured by nixcfg'),
    'home-manager': t('One user’s home, on any Linux or on macOS'),
    'nix-darwin': t('A Mac that nixcfg configures'),
  };
  const items = (Object.keys(details) as EnrollPlatform[]).map(platform => ({
    label: platformName(platform),
    detail: details[platform],
    platform,
  }));
  const placeHolder = t('What does nixcfg configure there?');
  return (await vscode.window.showQuickPick(items, { title, placeHolder, ignoreFocusOut: true }))?.platform;
}

function platformName(platform: EnrollPlatform): string {
  return { nixos: 'NixOS', 'home-manager': 'Home Manager', 'nix-darwin': 'nix-darwin' }[platform];
}

function defaultOwner(): string {
  const { username } = userInfo();
  return username === 'root' || !ownerSchema.safeParse(username).success ? '' : username;
}

/** Undefined when the host has a token that the person does not want to end. */
async function newToken(
  { fleet, locale: { t } }: FirstRunServices,
  local: LocalRelay,
  host: string,
): Promise<string | undefined> {
  const replace = fleet.fleet.hosts.has(host);
  const go = t('Make a New Token');
  if (replace) {
    const answer = await vscode.window.showWarningMessage(
      t('{0} is already enrolled.', host),
      {
        modal: true,
        detail: t('A new token ends the one that its agent has: until it has the new one, it cannot connect.'),
      },
      go,
    );
    if (answer !== go) return undefined;
  }
  return local.token('enroll', host, { replace });
}

/** The token is shown nowhere; it can be copied as long as the notification is there. */
async function offerToken({ locale: { t } }: FirstRunServices, host: string, token: string): Promise<void> {
  const copy = t('Copy Token');
  let message = t('{0} is enrolled. Copy its token now: it is kept nowhere.', host);
  while ((await vscode.window.showInformationMessage(message, copy)) === copy) {
    await vscode.env.clipboard.writeText(token);
    message = t('The token of {0} is in the clipboard. Put it onto the host as the text says.', host);
  }
}

async function offerCommand(
  { locale: { t } }: FirstRunServices,
  target: RelayTarget,
  enrollment: Enrollment,
): Promise<void> {
  const copy = t('Copy Command');
  const answer = await vscode.window.showInformationMessage(
    t(
      '{0} is not enrolled yet. It has to be done on {1}: the text begins with the command.',
      enrollment.host,
      relayName(target.url),
    ),
    copy,
  );
  if (answer === copy) await vscode.env.clipboard.writeText(enrollCommand(enrollment));
}

import * as vscode from 'vscode';
import type { Locale } from '../base/locale.ts';
import { messageOf, type Log } from '../base/log.ts';
import type { ClientInfo } from '../connection/relay-socket.ts';
import { parseRelayUrl, relayName, type RelayUrlResult } from '../connection/relay-url.ts';
import type { Relays } from '../connection/relays.ts';
import type { Trouble } from '../connection/trouble.ts';
import { troubleWords } from '../connection/trouble-words.ts';
import { tryRelay } from '../connection/try-relay.ts';
import { HOSTS_VIEW } from '../tree/hosts-view.ts';
import { inputStep } from './input-step.ts';

export interface ConnectOptions {
  readonly relays: Relays;
  readonly client: ClientInfo;
  readonly locale: Locale;
  readonly log: Log;
}

/**
 * Asks for URL and token, tries them at once, and remembers them when the relay takes them. What fails is said in the
 * box in which it can be mended, with what was typed still in it.
 * @param suggested the URL that the first box begins with
 */
export async function connectToRelay(
  { relays, client, locale, log }: ConnectOptions,
  suggested = relays.url ?? '',
): Promise<void> {
  const title = locale.t('Connect to a Relay');
  let token = '';
  /** What the box for the URL begins with. */
  let entry: { readonly url: string; readonly problem?: string } = { url: suggested };
  for (;;) {
    const url = await askUrl(title, entry.url, entry.problem, locale);
    if (url === undefined) return;
    entry = { url };
    const relay = relayName(url);
    const second = await inputStep({
      title,
      step: 2,
      totalSteps: 2,
      prompt: locale.t('Operator token for {0}. Made on the relay with: nixfleet-relay operator NAME', relay),
      placeholder: locale.t('Token'),
      value: token,
      password: true,
      accept: async (value, signal) => {
        token = value.trim();
        if (token === '') return locale.t('A token is needed.');
        const result = await tryRelay({ url, token }, client, signal);
        if (result.ok || signal.aborted) return undefined;
        log.warn(`connecting to ${relay}: ${JSON.stringify(result.trouble)}`);
        const words = troubleWords(result.trouble, relay, locale);
        if (isAboutToken(result.trouble)) return words;
        entry = { url, problem: words };
        return undefined;
      },
    });
    if (second.kind === 'cancelled') return;
    if (second.kind === 'back' || entry.problem !== undefined) continue;
    await remember(relays, url, token, locale, log);
    return;
  }
}

async function askUrl(
  title: string,
  value: string,
  problem: string | undefined,
  locale: Locale,
): Promise<string | undefined> {
  const allowPlain = vscode.workspace.getConfiguration('nixfleet').get<boolean>('relay.allowPlainWebSocket', false);
  const entered = await inputStep({
    title,
    step: 1,
    totalSteps: 2,
    prompt: locale.t('URL of the relay'),
    placeholder: 'wss://relay.example.org',
    value,
    problem,
    accept: text => {
      const parsed = parseRelayUrl(text, allowPlain);
      return parsed.ok ? undefined : urlProblemWords(parsed, locale);
    },
  });
  const parsed = entered.kind === 'entered' ? parseRelayUrl(entered.value, allowPlain) : undefined;
  return parsed?.ok ? parsed.url : undefined;
}

async function remember(relays: Relays, url: string, token: string, locale: Locale, log: Log): Promise<void> {
  try {
    await relays.signIn({ url, token });
  } catch (error) {
    log.warn(`the token could not be kept: ${messageOf(error)}`);
    void vscode.window.showWarningMessage(
      locale.t('Connected, but this machine has no keyring to keep the token in: it is forgotten with this window.'),
    );
  }
  await vscode.commands.executeCommand(`${HOSTS_VIEW}.focus`);
}

function isAboutToken({ kind }: Trouble): boolean {
  return kind === 'token-rejected' || kind === 'token-revoked';
}

function urlProblemWords({ kind }: Extract<RelayUrlResult, { ok: false }>, { t }: Locale): string {
  switch (kind) {
    case 'empty':
      return t('A URL is needed, such as wss://relay.example.org');
    case 'not-a-url':
      return t('This is not a URL. It looks like wss://relay.example.org:7780');
    case 'scheme':
      return t('A relay is reached by wss:// (or ws:// on this machine).');
    case 'credentials':
      return t('The token is asked for next; a URL with a user or password in it would be written to logs.');
    case 'plain':
      return t(
        'ws:// would send the token unencrypted. Use wss://, or allow it with the setting “nixfleet.relay.allowPlainWebSocket”.',
      );
  }
}

/**
 * What a person is told while there is no link, in the view, the status bar and the run panel: why, when it is tried
 * again, and how old what they see is. Worded so that it stays as it is while it is read: a countdown goes by five
 * seconds, and is silent about waits that are over before somebody has read them.
 */
import type { Locale } from '../base/locale.ts';
import { duration } from '../base/words.ts';
import { lastingTrouble, type ConnectionState } from './state.ts';
import { troubleWords } from './trouble-words.ts';
import type { Trouble } from './trouble.ts';

export interface OutageWords {
  /** Two or three words, such as `reconnecting in 15 s` or `token revoked`. */
  readonly label: string;
  /** What happened, and what to do where there is something to do. */
  readonly what: string;
  /** When it is tried again; undefined when it is not. */
  readonly when: string | undefined;
  /** For how long there has been no link; undefined below a minute. */
  readonly since: string | undefined;
  /** It waits for a person, or for somebody at the relay. */
  readonly isRefused: boolean;
}

/**
 * Undefined while there is nothing to say.
 * @param relay its `host:port`
 * @param now by the clock of the connection
 */
export function outageWords(
  connection: ConnectionState,
  relay: string,
  now: number,
  locale: Locale,
): OutageWords | undefined {
  const trouble = lastingTrouble(connection, now);
  if (!trouble || connection.kind === 'signed-out' || connection.kind === 'online') return undefined;
  const downFor = now - (connection.downSince ?? now);
  const isRefused = connection.kind === 'refused';
  const { label, when } = isRefused
    ? { label: refusedLabel(trouble, locale), when: connection.until === undefined ? undefined : slowly(locale) }
    : soon(connection.kind === 'reconnecting' ? connection.until - now : 0, locale);
  const since = downFor < 60_000 ? undefined : duration(downFor, locale);
  return { label, what: troubleWords(trouble, relay, locale), when, since, isRefused };
}

const STEP = 5000;

function soon(wait: number, locale: Locale): Pick<OutageWords, 'label' | 'when'> {
  const { t } = locale;
  if (wait < STEP) return { label: t('reconnecting…'), when: t('Trying again…') };
  const time = duration(Math.ceil(wait / STEP) * STEP, locale);
  return { label: t('reconnecting in {0}', time), when: t('Trying again in {0}.', time) };
}

function slowly({ t }: Locale): string {
  return t('Trying again every minute.');
}

function refusedLabel({ kind }: Trouble, { t }: Locale): string {
  switch (kind) {
    case 'token-rejected':
      return t('token not accepted');
    case 'token-revoked':
      return t('token revoked');
    case 'too-old':
      return t('extension too old');
    case 'relay-too-old':
      return t('relay too old');
    case 'certificate':
    case 'no-tls':
      return t('certificate not accepted');
    case 'not-a-relay':
      return t('not a relay');
    default:
      return t('refused');
  }
}

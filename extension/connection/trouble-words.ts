import type { Locale } from '../base/locale.ts';
import { duration } from '../base/words.ts';
import { OTHER_CERTIFICATE } from './pinned-connection.ts';
import type { Trouble } from './trouble.ts';

/** What happened, and what to do where there is something to do, for people. `relay` is its `host:port`. */
export function troubleWords(trouble: Trouble, relay: string, locale: Locale): string {
  const { t } = locale;
  switch (trouble.kind) {
    case 'name-not-found':
      return t('The name {0} was not found. Check the spelling of the URL, and your network or VPN.', trouble.host);
    case 'connection-refused':
      return t('{0} refused the connection. Is the relay running, and is this its port?', relay);
    case 'unreachable':
      return t('There is no way to {0} ({1}). Check your network or VPN.', relay, trouble.code);
    case 'timeout':
      return trouble.what === 'connect'
        ? t('{0} did not answer in time. Check the URL, your network and any firewall in between.', relay)
        : t('{0} took the connection and then said nothing. Is it a NixFleet relay?', relay);
    case 'certificate':
      return certificateWords(trouble.code, trouble.detail, relay, locale);
    case 'no-tls':
      return t('{0} does not speak TLS. A relay without a certificate is reached by ws:// on its own machine.', relay);
    case 'token-rejected':
      return t('{0} did not accept the token. Make one with: nixfleet-relay operator NAME', relay);
    case 'token-revoked':
      return t('The token for {0} was revoked. Ask for another one.', relay);
    case 'too-old':
      return t('{0} no longer serves this version of the extension. Update NixFleet in the Extensions view.', relay);
    case 'relay-too-old':
      return t(
        '{0} runs NixFleet {1}, which is too old for this extension. Upgrade the relay.',
        relay,
        trouble.version,
      );
    case 'forbidden':
      return t('{0} does not let this client in: {1}', relay, trouble.detail);
    case 'not-a-relay':
      return t(
        'Something answers at {0}, but it is not a NixFleet relay ({1}). Check port and path.',
        relay,
        trouble.detail,
      );
    case 'unavailable':
      return t('A proxy answers for {0}, but the relay behind it does not (HTTP {1}).', relay, trouble.status);
    case 'going-down':
      return t('{0} is restarting.', relay);
    case 'lost':
      return t('The connection to {0} was lost.', relay);
    case 'too-slow':
      return t('{0} hung up because this window did not read fast enough.', relay);
    case 'silent':
      return t('Nothing was heard from {0} for {1}.', relay, duration(trouble.ms, locale));
    case 'failed':
      return t('The connection to {0} failed: {1}', relay, trouble.detail);
  }
}

function certificateWords(code: string, detail: string, relay: string, { t }: Locale): string {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return t(
        'The certificate of {0} was signed by nobody whom this machine trusts ({1}). Add its authority to the system’s certificates.',
        relay,
        code,
      );
    case 'CERT_HAS_EXPIRED':
      return t('The certificate of {0} has expired. It has to be renewed on the relay.', relay);
    case 'CERT_NOT_YET_VALID':
      return t('The certificate of {0} is not valid yet. Is this machine’s clock right?', relay);
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return t('The certificate of {0} is for another name ({1}).', relay, detail);
    case OTHER_CERTIFICATE:
      return t(
        '{0} shows another certificate than the one that was remembered: {1}. Is it the right relay?',
        relay,
        detail,
      );
    default:
      return t('The certificate of {0} is not accepted: {1} ({2})', relay, detail, code);
  }
}

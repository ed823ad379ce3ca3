import { readFileSync } from 'node:fs';

/** Set by the build. */
declare const __NIXFLEET_VERSION__: string | undefined;

/** The version of this relay. */
export const RELAY_VERSION = typeof __NIXFLEET_VERSION__ === 'string' ? __NIXFLEET_VERSION__ : versionOfCheckout();

/** Unbundled, the relay runs from a checkout. */
function versionOfCheckout(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}

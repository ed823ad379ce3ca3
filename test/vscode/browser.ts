// The browser that shows VS Code's window to a test.
import { chromium, type Browser } from 'playwright-core';
import { ensureChromium } from './setup.ts';

/** Starts a headless Chromium. Throws what to install where there is none. */
export async function startBrowser(): Promise<Browser> {
  const found = await ensureChromium();
  if (!found.ok) throw new Error(found.reason);
  return chromium.launch({
    executablePath: found.value,
    args: [
      '--no-sandbox', // tests run as root on machines that are made for them
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}

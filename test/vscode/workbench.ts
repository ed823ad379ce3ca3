// VS Code's window as a person meets it: words for what they click, type and read. Everything waits for what it is about
// to touch, up to a deadline; nothing sleeps. Playwright's `page` is there for the rest.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from 'mocha';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';
import { startBrowser } from './browser.ts';
import { startServer, type ServerOptions, type VscodeServer } from './server.ts';

export type Theme = 'light' | 'dark' | 'high-contrast' | 'high-contrast-light';

export interface WorkbenchOptions extends Omit<ServerOptions, 'connectionToken' | 'port' | 'underDevelopment'> {
  /** The folder that the window opens. */
  readonly folder: string;
  /** `dark` unless told. */
  readonly theme?: Theme;
  /** In pixels; 1280 × 800 unless told. */
  readonly size?: { readonly width: number; readonly height: number };
  /**
   * The language that extensions are asked to speak, such as `de`. The window itself stays English: its own words in other
   * languages are extensions that are not here.
   */
  readonly language?: string;
}

/** A theme's name in settings, its label, and the class that the window has when it is applied. */
const THEMES: Readonly<Record<Theme, { setting: string; label: string; className: string }>> = {
  light: { setting: 'Light Modern', label: 'Light Modern', className: 'vs' },
  dark: { setting: 'Dark Modern', label: 'Dark Modern', className: 'vs-dark' },
  'high-contrast': { setting: 'Default High Contrast', label: 'Dark High Contrast', className: 'hc-black' },
  'high-contrast-light': {
    setting: 'Default High Contrast Light',
    label: 'Light High Contrast',
    className: 'hc-light',
  },
};

/** How long a window's parts may take to show, in milliseconds: two cores may be busy with builds. */
const DEADLINE = 30_000;

/** Where pictures go: into the documentation only when that is asked for. */
const PICTURES = join(
  import.meta.dirname,
  '../..',
  process.env['UPDATE_IMAGES'] === '1' ? 'docs/images' : '.cache/shots',
);

/** Starts a server and a browser, and opens a window. Close it with {@link Workbench.close}, or `await using`. */
export async function openWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const { theme = 'dark', size = { width: 1280, height: 800 } } = options;
  const settings = {
    'workbench.quickOpen.closeOnFocusLost': false, // webviews take the focus when they show
    'workbench.colorTheme': THEMES[theme].setting,
    ...options.settings,
  };
  const server = await startServer({ ...options, settings });
  let browser: Browser | undefined;
  try {
    browser = await startBrowser();
    const context = await browser.newContext({ viewport: size });
    if (options.language !== undefined)
      await context.addInitScript(`globalThis._VSCODE_NLS_LANGUAGE = ${JSON.stringify(options.language)}`);
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE);
    const workbench = new Workbench(page, server, browser);
    await page.goto(server.url({ folder: options.folder }));
    await page.locator('.monaco-workbench').waitFor();
    return workbench;
  } catch (error) {
    await browser?.close();
    await server.stop();
    throw error;
  }
}

export class Workbench implements AsyncDisposable {
  readonly page: Page;
  readonly server: VscodeServer;
  /** The warnings and errors that window and extension host have logged so far. */
  readonly log: string[] = [];
  readonly #browser: Browser;

  constructor(page: Page, server: VscodeServer, browser: Browser) {
    this.page = page;
    this.server = server;
    this.#browser = browser;
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') this.log.push(message.text());
    });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.server.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Another window of the same person; `closeWindow` ends it alone. */
  async openWindow(folder: string): Promise<Workbench> {
    const page = await this.page.context().newPage();
    page.setDefaultTimeout(DEADLINE);
    const other = new Workbench(page, this.server, this.#browser);
    await page.goto(this.server.url({ folder }));
    await page.locator('.monaco-workbench').waitFor();
    return other;
  }

  closeWindow(): Promise<void> {
    return this.page.close();
  }

  /** Ends the window's process: its server hears no word of it, and keeps the extension host for one that may come back. */
  async crash(): Promise<void> {
    const devtools = await this.page.context().newCDPSession(this.page);
    const isGone = this.page.waitForEvent('crash');
    // never answered: who would answer is gone
    devtools.send('Page.crash').catch(() => undefined);
    await isGone;
    await this.page.close();
  }

  /** Loads the window anew, as *Developer: Reload Window* does. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.locator('.monaco-workbench').waitFor();
  }

  async setTheme(theme: Theme): Promise<void> {
    const { label, className } = THEMES[theme];
    await this.command('Preferences: Color Theme');
    await this.#pickOfMany(label);
    await this.page.locator(`.monaco-workbench.${className}`).waitFor();
  }

  // ── Commands and questions ─────────────────────────────────────────────────────────────────────────────────────

  /** Runs a command from the palette by its whole title, such as `NixFleet: Update Agent`. */
  async command(title: string): Promise<void> {
    await this.#quick('F1', `>${title}`, title);
  }

  /** Opens a file of the workspace by name. */
  async openFile(name: string): Promise<void> {
    await this.#quick('Control+p', name, name);
    await this.tab(name).waitFor();
  }

  /** The box of quick picks, input boxes and the palette. */
  get quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible');
  }

  /** Picks the row with this text in an open quick pick. With more than one text: ticks them all and accepts. */
  async pick(...rows: readonly [string, ...string[]]): Promise<void> {
    const row = (text: string) => this.quickInput.locator('.monaco-list-row', { hasText: text }).first();
    if (rows.length === 1) {
      await row(rows[0]).click();
      return;
    }
    for (const text of rows) await row(text).click();
    await this.page.keyboard.press('Enter');
  }

  /** Answers an open input box, once it asks this (a part of its prompt, placeholder or title). */
  async answer(question: string, text: string): Promise<void> {
    const input = this.quickInput.locator('input[type=text], input[type=password]').first();
    const asks = this.quickInput.filter({ hasText: question }).or(this.quickInput.getByPlaceholder(question));
    await asks.first().waitFor();
    await input.fill(text);
    await input.press('Enter');
  }

  /** Saves to this file in an open dialog, once that has put its own proposal into the box: it does so a moment late. */
  async saveAs(file: string, proposal: RegExp): Promise<void> {
    const input = this.quickInput.locator('input[type=text]').first();
    await waitUntil('the dialog proposes a file', async () => proposal.test(await input.inputValue()));
    await input.fill(file);
    await waitUntil('the dialog has the file', async () => (await input.inputValue()) === file);
    await input.press('Enter');
  }

  /** A notification that contains this text. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-list-item', { hasText: text }).first();
  }

  /** Waits until a notification with this text is shown, and none beside it. */
  async onlyNotification(text: string | RegExp): Promise<void> {
    const all = this.page.locator('.notification-list-item');
    await this.notification(text).waitFor();
    await waitUntil(`nothing is told but ${text}`, async () => {
      return (await all.count()) === 1 && (await all.filter({ hasText: text }).count()) === 1;
    });
  }

  /** Presses a button of a notification that contains this text. */
  async answerNotification(text: string | RegExp, button: string): Promise<void> {
    await this.notification(text).getByRole('button', { name: button, exact: true }).click();
  }

  /** Puts every notification away. */
  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
    await this.page.locator('.notification-list-item').first().waitFor({ state: 'hidden' });
  }

  /** A modal question. */
  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  // ── Views ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Opens a view container by the title in the activity bar. */
  async openContainer(title: string): Promise<void> {
    const entry = this.page.locator('.activitybar').getByRole('tab', { name: title });
    await entry.waitFor();
    // a click on one that a starting window brings back just then makes it go
    await attempt(async () => {
      if ((await entry.getAttribute('aria-selected')) !== 'true') await entry.click();
      await this.page.locator('.sidebar .composite.title', { hasText: title }).waitFor({ timeout: 5_000 });
    });
  }

  /** A row of any tree, by a part of its label. */
  treeItem(name: string | RegExp): Locator {
    return this.page.getByRole('treeitem', { name }).first();
  }

  /** Selects rows of a tree, all of them and no others. Rows that move meanwhile are clicked again. */
  async select(...names: readonly (string | RegExp)[]): Promise<void> {
    const selected = (name: string | RegExp) => this.treeItem(name).getAttribute('aria-selected');
    await waitUntil(`${names.join(' and ')} are selected`, async () => {
      for (const [index, name] of names.entries()) {
        await this.treeItem(name).click({ modifiers: index === 0 ? [] : ['ControlOrMeta'] });
      }
      const states = await Promise.all(names.map(selected));
      return states.every(state => state === 'true');
    });
  }

  /** Chooses from the context menu of what is given; further entries are those of submenus. */
  async contextMenu(target: Locator, ...entries: readonly string[]): Promise<void> {
    const itemOf = (entry: string) => this.#menu.getByRole('menuitem', { name: entry, exact: true });
    // what a row has to offer comes a moment after what made it so
    await attempt(async () => {
      const offered = await this.openContextMenu(target);
      if (entries[0] === undefined || (await itemOf(entries[0]).count()) > 0) return;
      await this.dismissMenu();
      throw new Error(`the menu has no ${entries[0]}, but ${offered.join(', ')}`);
    });
    for (const [index, entry] of entries.entries()) {
      const item = itemOf(entry);
      await item.hover();
      if (index < entries.length - 1) continue;
      // a menu that is still being laid out swallows the first click; one that is slow to go would take a second one, too
      await waitUntil(`the menu takes ${entry}`, async () => {
        await item.click({ timeout: 1_000 }).catch(() => undefined);
        return this.#menuItems
          .first()
          .waitFor({ state: 'hidden', timeout: 5_000 })
          .then(
            () => true,
            () => false,
          );
      });
    }
  }

  /** Opens a context menu and leaves it open; gives its entries as they read. */
  async openContextMenu(target: Locator): Promise<string[]> {
    // a click while the window is still starting comes to nothing now and then
    await attempt(async () => {
      await target.click({ button: 'right' });
      await this.#menuItems.first().waitFor({ timeout: 5_000 });
      // a tree sets the focus to the row that was clicked
      if ((await target.and(this.page.locator('[role=treeitem]:not(.focused)')).count()) > 0) {
        await this.dismissMenu();
        throw new Error('the rows moved under the pointer: this is the menu of another one');
      }
    });
    return (await this.#menuItems.allInnerTexts()).map(text => text.trim()).filter(text => text !== '');
  }

  get #menu(): Locator {
    return this.page.locator('.monaco-menu-container');
  }

  get #menuItems(): Locator {
    return this.#menu.getByRole('menuitem');
  }

  /** Closes an open context menu, and waits until it is gone. */
  async dismissMenu(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.#menuItems.first().waitFor({ state: 'hidden' });
  }

  /** Presses the button that shows on a row when the pointer is over it. */
  async inlineAction(row: Locator, title: string): Promise<void> {
    await row.hover();
    await row.getByRole('button', { name: title }).click();
  }

  /** Presses *Reconnect Now* above the hosts, unless the window finds the relay by itself just then: `isBack` shows that. */
  async reconnectNow(isBack: Locator): Promise<void> {
    const button = this.page.locator('.sidebar').getByRole('button', { name: 'Reconnect Now' });
    await Promise.race([button.click(), isBack.waitFor()]);
  }

  // ── Editors ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The tab of an editor, by a part of its title. */
  tab(title: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab', { hasText: title }).first();
  }

  /** The document inside a webview that is in sight: of the editor with this title, which is brought to the front. */
  async webview(title?: string | RegExp): Promise<FrameLocator> {
    if (title !== undefined) await this.tab(title).click();
    const outer = this.page.locator('iframe.webview.ready >> visible=true').first();
    return outer.contentFrame().locator('iframe#active-frame').contentFrame();
  }

  /** The lines in sight on each side of the diff editor in front. */
  async diff(): Promise<{ original: string; modified: string }> {
    const editor = this.page.locator('.monaco-diff-editor:visible');
    await editor.locator('.editor.modified .view-line').first().waitFor();
    return {
      original: await linesOf(editor.locator('.editor.original')),
      modified: await linesOf(editor.locator('.editor.modified')),
    };
  }

  // ── Output ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Shows an output channel. */
  async openOutput(channel: string): Promise<void> {
    await this.command('Output: Show Output Channels...');
    await this.#pickOfMany(channel);
    await this.page.locator('.panel .output-view').waitFor();
  }

  /** Waits for a line that contains this text in the output channel in front, which follows its end. */
  async outputLine(text: string): Promise<void> {
    await this.page.locator('.panel .output-view .view-line', { hasText: text }).first().waitFor();
  }

  /** The lines of the output channel in front that are in sight. */
  async output(): Promise<string> {
    return linesOf(this.page.locator('.panel .output-view'));
  }

  // ── Pictures ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a picture, with the pointer out of the way unless it is to stay; gives its path. */
  async picture(name: string, pointer: 'away' | 'stay' = 'away'): Promise<string> {
    const size = this.page.viewportSize();
    if (pointer === 'away' && size !== null) await this.page.mouse.move(size.width / 2, size.height - 1);
    const path = join(PICTURES, `${name}.png`);
    mkdirSync(dirname(path), { recursive: true });
    await this.page.screenshot({ path, caret: 'hide', animations: 'disabled' });
    return path;
  }

  /**
   * For `afterEach`: keeps a picture of the window, and prints what it logged, when the test has failed. `which` tells windows of
   * one test apart.
   */
  async keepFailure(context: Context, which = ''): Promise<void> {
    const test = context.currentTest;
    if (test?.state !== 'failed' || this.page.isClosed()) return;
    const picture = await this.picture(
      `failed/${`${test.fullTitle()} ${which}`.trim().replaceAll(/\W+/g, '-')}`,
      'stay',
    );
    console.log([`      The window then: ${picture}`, ...this.log.slice(-20)].join('\n      '));
  }

  /**
   * Opens the palette or quick open, and takes a row. A webview that has the focus keeps keys for itself, and may take the
   * focus at any moment: so the focus is taken from it first, as often as needed.
   */
  async #quick(key: string, text: string, row: string): Promise<void> {
    const timeout = 3_000;
    await attempt(async () => {
      await this.page.evaluate('document.activeElement?.blur()');
      await this.page.keyboard.press(key);
      await this.quickInput.locator('input[type=text]').first().fill(text, { timeout });
      await this.quickInput.locator('.monaco-list-row', { hasText: row }).first().click({ timeout });
    });
  }

  /** Picks a row of a list that is longer than what is in sight. */
  async #pickOfMany(row: string): Promise<void> {
    await this.quickInput.locator('input[type=text]').first().fill(row);
    await this.pick(row);
  }
}

/** Does it again until it works; throws what stood in the way after a deadline. */
async function attempt(deed: () => Promise<void>): Promise<void> {
  const end = Date.now() + DEADLINE;
  for (;;) {
    try {
      await deed();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

/** Asks until it is so, every 100 ms; throws what was waited for after a deadline in milliseconds. */
export async function waitUntil(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  deadline = DEADLINE,
): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited ${deadline / 1000} s in vain: ${what}`);
    await pause(100);
  }
}

/** The text of an editor's lines in sight, from the top down: in the page they lie in any order. */
async function linesOf(editor: Locator): Promise<string> {
  const lines = await editor
    .locator('.view-line')
    .evaluateAll((elements: LineElement[]) =>
      elements.map(({ style, textContent }) => ({ top: Number.parseFloat(style.top), text: textContent })),
    );
  return lines
    .toSorted((a, b) => a.top - b.top)
    .map(({ text }) => text.replaceAll('\u00a0', ' '))
    .join('\n');
}

/** What is used of the page's HTMLElement: this program is not the page's, and has no types of it. */
interface LineElement {
  readonly style: { readonly top: string };
  readonly textContent: string;
}

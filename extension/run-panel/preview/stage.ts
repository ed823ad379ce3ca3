/**
 * Shows runs in the real page without VS Code, for those who work on how it looks: the page as built, its policy, the
 * code that keeps it in step and the store of the output are the real ones; the run and the theme's colours are made up.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { foldRun, MAX_FRAME_PAYLOAD } from '../../../protocol/index.ts';
import type { MessageOf, PanelAction, ToPanel } from '../../../protocol/panel.ts';
import { Emitter } from '../../base/event.ts';
import { ENGLISH, translated, type Locale } from '../../base/locale.ts';
import { OutputStore } from '../../output/output-store.ts';
import type { RunSession } from '../../runs/run-session.ts';
import { panelHtml } from '../panel-html.ts';
import { NO_WORKSPACE, PanelLink } from '../panel-link.ts';
import type { Scenario } from './scenarios.ts';
import { RUN_ID } from './story.ts';
import { themeScript, type ThemeName } from './themes.ts';

export interface Shown {
  readonly page: Page;
  readonly link: PanelLink;
  readonly output: OutputStore;
  /** What the page asked for, said in words. */
  readonly asked: string[];
  /** What the page complained about, and what the browser refused it. */
  readonly troubles: string[];
  /** The run goes on from another scenario of the same story. */
  readonly become: (scenario: Scenario) => void;
  /** Writes more output. */
  readonly write: (text: string) => void;
  /** What an expression in the page gives. */
  readonly evaluate: <T>(expression: string) => Promise<T>;
  /** Resolves when an expression in the page is true. Asked from outside, as the page's policy lets nobody wait inside. */
  readonly until: (expression: string) => Promise<void>;
  /** What VS Code does when a panel is hidden and shown again: the page is thrown away and made anew. */
  readonly hideAndReveal: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** How the page is looked at. */
export interface Look {
  readonly theme: ThemeName;
  readonly width: number;
  readonly height: number;
  /** English unless told. */
  readonly language?: 'en' | 'de';
}

const CHROMIUMS = ['/usr/bin/chromium', '/usr/bin/chromium-headless-shell'];

export class Stage {
  readonly #folder: string;
  readonly #server: Server;
  readonly #browser: Browser;

  private constructor(folder: string, server: Server, browser: Browser) {
    this.#folder = folder;
    this.#server = server;
    this.#browser = browser;
  }

  static async open(): Promise<Stage> {
    const executablePath = process.env['CHROMIUM_PATH'] ?? CHROMIUMS.find(path => existsSync(path));
    if (executablePath === undefined) throw new Error(`Chromium is not here; CHROMIUM_PATH says where it is`);
    const folder = await mkdtemp(join(tmpdir(), 'run-panel-'));
    const entryPoints = { webview: join(import.meta.dirname, '../../../webview/main.ts') };
    await build({ entryPoints, outdir: folder, bundle: true, format: 'iife', target: 'es2022', minify: true });
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stage');
      const name = pathname.slice(1);
      if (name === 'webview.js' || name === 'webview.css') {
        void readFile(join(folder, name)).then(content => {
          response.setHeader('content-type', name.endsWith('.js') ? 'text/javascript' : 'text/css');
          response.end(content);
        });
        return;
      }
      response.setHeader('content-type', 'text/html');
      const files = { scriptUri: '/webview.js', styleUri: '/webview.css' };
      const language = searchParams.get('language') ?? 'en';
      response.end(panelHtml({ ...files, language, cspSource: "'self'", runId: RUN_ID }));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    return new Stage(folder, server, browser);
  }

  async show(scenario: Scenario, { theme, width, height, language = 'en' }: Look): Promise<Shown> {
    const output = await OutputStore.open(await mkdtemp(join(this.#folder, 'output-')), RUN_ID);
    const changed = new Emitter<void>();
    let current = scenario;
    const write = (text: string, end = false): void => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length || end; at += MAX_FRAME_PAYLOAD) {
        const part = bytes.subarray(at, at + MAX_FRAME_PAYLOAD);
        const isLast = at + part.length >= bytes.length;
        const time = current.story.now - 1000;
        output.append({ runId: RUN_ID, stream: 'output', at: output.position, time, end: end && isLast, bytes: part });
        if (isLast) break;
      }
    };
    write(scenario.output, scenario.outputEnded);
    await output.flush();

    const asked: string[] = [];
    const troubles: string[] = [];
    const page = await this.#browser.newPage({ viewport: { width, height } });
    page.on('console', message => {
      if (message.type() === 'error') troubles.push(message.text());
    });
    page.on('pageerror', error => troubles.push(error.message));
    const link = new PanelLink({
      session: sessionOf(() => current, output, changed),
      port: {
        post: (message: MessageOf<ToPanel>) =>
          page.evaluate(`window.postMessage(${JSON.stringify(message)}, '*')`).then(
            () => true,
            () => false,
          ),
      },
      locale: localeOf(language),
      now: () => current.story.now,
      isOnline: () => current.online,
      outage: () => current.outage,
      onDidChangeHosts: () => ({ dispose: () => undefined }),
      workspace: NO_WORKSPACE,
      act: (action: PanelAction) => asked.push(action),
      openLink: url => asked.push(`open ${url}`),
      warn: message => troubles.push(message),
    });
    await page.exposeFunction('toExtension', (message: unknown) => link.receive(message));
    await page.addInitScript(`
      ${themeScript(theme)}
      globalThis.acquireVsCodeApi = () => ({
        postMessage: message => void toExtension(message),
        getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
        setState: state => (sessionStorage.setItem('state', JSON.stringify(state)), state),
      });
    `);
    await page.goto(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/?language=${language}`);
    const comesUp = (): Promise<unknown> =>
      page.waitForSelector('main.page', { timeout: 5000 }).catch((error: unknown) => {
        throw new Error(`the page does not come up: ${troubles.join('; ')}`, { cause: error });
      });
    await comesUp();
    return {
      page,
      link,
      output,
      asked,
      troubles,
      become(next) {
        current = next;
        changed.fire();
      },
      write: text => {
        write(text);
      },
      evaluate: expression => page.evaluate(expression),
      async until(expression) {
        const deadline = Date.now() + 5000;
        while (!(await page.evaluate<unknown>(expression))) {
          if (Date.now() > deadline) throw new Error(`the page never came so far that ${expression}`);
        }
      },
      async hideAndReveal() {
        link.hide();
        await page.reload();
        await comesUp();
      },
      async close() {
        link.dispose();
        await page.close();
        await output.dispose();
      },
    };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise(resolve => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true });
  }
}

function localeOf(language: 'en' | 'de'): Locale {
  if (language === 'en') return ENGLISH;
  const bundle = join(import.meta.dirname, `../../../l10n/bundle.l10n.${language}.json`);
  return translated(language, JSON.parse(readFileSync(bundle, 'utf8')) as Record<string, string>);
}

function sessionOf(scenario: () => Scenario, output: OutputStore, changed: Emitter<void>): RunSession {
  return {
    runId: RUN_ID,
    output,
    problem: undefined,
    onDidChange: changed.event,
    get host() {
      return this.summary?.host ?? '';
    },
    get summary() {
      const { story, summary } = scenario();
      return story.summary(summary);
    },
    get state() {
      return foldRun(scenario().story.events);
    },
    get lockBefore() {
      return scenario().lockBefore;
    },
    get lockAfter() {
      return scenario().lockAfter;
    },
    get gone() {
      return scenario().gone ?? false;
    },
    dispose: () => undefined,
  };
}

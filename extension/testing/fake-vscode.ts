/**
 * VS Code as far as the extension touches it from `activate` to its end, for tests in plain Node: it counts what is
 * held open, and keeps all that anybody was shown or told. It stands in for the module `vscode` (see load.ts).
 */
interface IDisposable {
  dispose(): void;
}
type Listener = (value: unknown) => unknown;

/** Registrations, listeners, views and channels that nobody has let go of, by what they are. */
export const held = new Set<{ readonly what: string }>();
/** Everything that left the extension: logs, channels, memory, context keys, webviews, notifications, titles. */
export const said: string[] = [];
/** Webview panels by their order, for tests to speak to. */
export const panels: FakePanel[] = [];
/** Who opens links, by their order. */
export const linkHandlers: { handleUri(uri: { path: string; query: string }): Promise<void> }[] = [];

function hold<T extends object>(what: string, thing: T, dispose: () => void = () => undefined): T & IDisposable {
  const entry = { what };
  held.add(entry);
  return Object.assign(thing, {
    dispose: () => {
      held.delete(entry);
      dispose();
    },
  });
}

function say(where: string, ...values: readonly unknown[]): void {
  said.push(`${where}: ${values.map(value => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ')}`);
}

export class EventEmitter {
  readonly #listeners = new Set<Listener>();
  readonly #what: string;

  constructor(what = 'a listener') {
    this.#what = what;
  }

  readonly event = (listener: Listener): IDisposable => {
    this.#listeners.add(listener);
    return hold(this.#what, {}, () => this.#listeners.delete(listener));
  };

  fire(value?: unknown): void {
    for (const listener of [...this.#listeners]) listener(value);
  }

  dispose(): void {
    this.#listeners.clear();
  }
}

/** A property that is said whenever it is set. */
function spoken<T extends object>(where: string, thing: T): T {
  return new Proxy(thing, {
    set(target, name, value: unknown) {
      say(`${where}.${String(name)}`, value);
      return Reflect.set(target, name, value);
    },
  });
}

export interface FakePanel extends IDisposable {
  readonly webview: { html: string; readonly received: EventEmitter; readonly posted: unknown[] };
  readonly closed: EventEmitter;
}

function makePanel(title: string): FakePanel {
  const received = new EventEmitter('a listener to a page');
  const closed = new EventEmitter('a listener to the end of a panel');
  const viewState = new EventEmitter('a listener to a panel');
  const posted: unknown[] = [];
  const webview = {
    options: {},
    html: '',
    cspSource: 'https://webview',
    received,
    posted,
    asWebviewUri: (uri: Uri) => uri,
    onDidReceiveMessage: received.event,
    postMessage: (message: unknown) => {
      say('webview', message);
      posted.push(message);
      return Promise.resolve(true);
    },
  };
  const panel = {
    webview: spoken('webview', webview),
    title,
    visible: true,
    closed,
    onDidDispose: closed.event,
    onDidChangeViewState: viewState.event,
    reveal: () => undefined,
    dispose: () => closed.fire(),
  };
  panels.push(panel);
  return spoken('panel', panel);
}

function channel(name: string): object {
  const write = (kind: string) => (text: string) => say(`${name}.${kind}`, text);
  const methods = 'append appendLine replace trace debug info warn error'.split(' ');
  const writers = Object.fromEntries(methods.map(method => [method, write(method)]));
  const show = (): void => say(name, 'is shown');
  return hold(`the channel ${name}`, { name, ...writers, show, clear: () => undefined });
}

const notify =
  (kind: string) =>
  (...words: unknown[]): Promise<undefined> => {
    say(kind, ...words);
    return Promise.resolve(undefined);
  };

const windowState = new EventEmitter('a listener to the window');

export const window = {
  createOutputChannel: channel,
  createStatusBarItem: () =>
    spoken('status bar', hold('the status bar item', { text: '', show: () => undefined, hide: () => undefined })),
  createTreeView: (
    id: string,
    { treeDataProvider }: { treeDataProvider: { onDidChangeTreeData: EventEmitter['event'] } },
  ) => {
    const drawn = treeDataProvider.onDidChangeTreeData(() => undefined);
    const visibility = new EventEmitter('a listener to a view');
    const rows = new EventEmitter('a listener to the rows of a view');
    const view = {
      ...{ visible: true, onDidChangeVisibility: visibility.event },
      ...{ onDidExpandElement: rows.event, onDidCollapseElement: rows.event },
    };
    return spoken(
      id,
      hold(`the view ${id}`, view, () => drawn.dispose()),
    );
  },
  createWebviewPanel: (_type: string, title: string) => makePanel(title),
  registerWebviewPanelSerializer: () => hold('the serializer of panels', {}),
  registerUriHandler: (handler: (typeof linkHandlers)[number]) => {
    linkHandlers.push(handler);
    return hold('the handler of links', {});
  },
  state: { focused: true },
  isThere: true,
  onDidChangeWindowState: windowState.event,
  showInformationMessage: notify('information'),
  showWarningMessage: notify('warning'),
  showErrorMessage: notify('error'),
  showQuickPick: notify('quick pick'),
  createInputBox: inputBox,
  setStatusBarMessage: notify('status bar'),
  withProgress: (options: unknown, task: (...args: unknown[]) => unknown) => {
    say('progress', options);
    return task({ report: (step: unknown) => say('progress', step) }, { onCancellationRequested: windowState.event });
  },
};

/** A box that a person closes as soon as it shows. */
function inputBox(): object {
  const events = new EventEmitter('a listener to a box');
  const hidden = new EventEmitter('a listener to a box');
  const box = {
    ...{ onDidChangeValue: events.event, onDidTriggerButton: events.event, onDidAccept: events.event },
    onDidHide: hidden.event,
    show: () => hidden.fire(),
  };
  return spoken('box', hold('a box', box));
}

const commandHandlers = new Map<string, (...args: unknown[]) => unknown>();

export const commands = {
  registerCommand: (id: string, handler: (...args: unknown[]) => unknown) => {
    commandHandlers.set(id, handler);
    return hold(`the command ${id}`, {}, () => commandHandlers.delete(id));
  },
  executeCommand: (id: string, ...args: unknown[]) => {
    say(id, ...args);
    return Promise.resolve(commandHandlers.get(id)?.(...args));
  },
  /** Answered by the window; never when there is none. */
  getCommands: () => {
    say('the window', 'is asked');
    return window.isThere ? Promise.resolve([...commandHandlers.keys()]) : new Promise(() => undefined);
  },
};

const nothingHappens = new EventEmitter('a listener to the workspace');

export const workspace = {
  isTrusted: true,
  workspaceFolders: [],
  createFileSystemWatcher: (pattern: string) => {
    const happens = new EventEmitter(`a listener to ${pattern}`);
    const events = { onDidCreate: happens.event, onDidChange: happens.event, onDidDelete: happens.event };
    return hold(`the watcher of ${pattern}`, events);
  },
  onDidChangeWorkspaceFolders: nothingHappens.event,
  onDidChangeConfiguration: nothingHappens.event,
  onDidGrantWorkspaceTrust: nothingHappens.event,
  findFiles: () => Promise.resolve([]),
  getConfiguration: () => ({ get: () => undefined }),
  registerTextDocumentContentProvider: (scheme: string) => hold(`the documents of ${scheme}`, {}),
};

export const tasks = { registerTaskProvider: (type: string) => hold(`the tasks ${type}`, {}) };
export const l10n = {
  bundle: undefined,
  t: (text: string, ...args: unknown[]) =>
    text.replace(/\{(\d+)\}/g, (_, index: string) => String(args[Number(index)])),
};
export const env = {
  language: 'en',
  clipboard: { writeText: notify('clipboard') },
  openExternal: notify('opened'),
};
export const version = '1.101.0';

export class Uri {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static file(path: string): Uri {
    return new Uri(path);
  }

  static joinPath(base: Uri, ...parts: readonly string[]): Uri {
    return new Uri([base.path, ...parts].join('/'));
  }

  get fsPath(): string {
    return this.path;
  }

  toString(): string {
    return `file://${this.path}`;
  }
}

export class ThemeIcon {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}
export class ThemeColor extends ThemeIcon {}
export class TreeItem {
  label: string;

  constructor(label: string) {
    this.label = label;
  }
}

export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
export const StatusBarAlignment = { Left: 1, Right: 2 };
export const ViewColumn = { Active: -1, One: 1 };
export const ProgressLocation = { SourceControl: 1, Window: 10, Notification: 15 };
export const ExtensionMode = { Production: 1, Development: 2, Test: 3 };

/** Memory of the extension, between its lives. */
export class Memento {
  readonly #values = new Map<string, unknown>();

  get(key: string): unknown {
    return this.#values.get(key);
  }

  update(key: string, value: unknown): Promise<void> {
    say(`memory ${key}`, value);
    this.#values.set(key, value);
    return Promise.resolve();
  }
}

/** The one place where a token may be: what is stored here is not said. */
export class SecretStorage {
  readonly #values = new Map<string, string>();
  readonly #changed = new EventEmitter('a listener to the secrets');
  readonly onDidChange = this.#changed.event;

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#values.get(key));
  }

  store(key: string, value: string): Promise<void> {
    this.#values.set(key, value);
    this.#changed.fire({ key });
    return Promise.resolve();
  }
}

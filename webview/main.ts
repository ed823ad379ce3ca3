/**
 * The run panel's page. Comes in: messages of the extension, checked at the border. Leaves: what a person clicked, and
 * the wish for rows of output. It decides nothing about the run: what is shown, and in which words, is the extension's.
 */
import { dispatch, type FromPanel, type MessageOf } from '../protocol/panel.ts';
import { parseToPanel } from './border.ts';
import { labelsOf } from './context.ts';
import { pageHandlers } from './page.ts';
import { openSavedState } from './saved-state.ts';
import './styles/main.css';
import { Ticker } from './ticker.ts';
import { RemoteClock, timeFormats } from './time.ts';
import { registerToolkit } from './toolkit.ts';

const vscode = acquireVsCodeApi();
const post = (message: MessageOf<FromPanel>): void => vscode.postMessage(message);

registerToolkit();
openSavedState(vscode, document.body.dataset['run'] ?? '');

const handlers = pageHandlers(
  labels => {
    const clock = new RemoteClock();
    const formats = timeFormats(document.documentElement.lang || 'en');
    return { label: labelsOf(labels), formats, clock, ticker: new Ticker(clock, formats), post };
  },
  page => document.body.append(page),
);

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const result = parseToPanel(event.data);
  if (result.ok) dispatch(handlers, result.message);
  else post({ type: 'trouble', message: `a message was not understood: ${result.problem}` });
});
window.addEventListener('error', event => post({ type: 'trouble', message: event.message.slice(0, 4000) }));
// a page that was hidden and lives on has missed what happened meanwhile
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') post({ type: 'ready' });
});

post({ type: 'ready' });

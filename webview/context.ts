import type { FromPanel, MessageOf, PanelLabel, PanelLabels } from '../protocol/panel.ts';
import type { Ticker } from './ticker.ts';
import type { RemoteClock, TimeFormats } from './time.ts';

/** What every part of the page works with. */
export interface PageContext {
  /** The page's own words in the reader's language; `{0}` is filled in. */
  readonly label: (name: PanelLabel, ...args: string[]) => string;
  readonly formats: TimeFormats;
  readonly clock: RemoteClock;
  readonly ticker: Ticker;
  readonly post: (message: MessageOf<FromPanel>) => void;
}

/** A part of the page: made once, then shown what there is. */
export interface Section<View> {
  readonly element: HTMLElement;
  readonly show: (view: View) => void;
}

export function labelsOf(labels: PanelLabels): PageContext['label'] {
  return (name, ...args) => labels[name].replace(/\{(\d)\}/g, (whole, index: string) => args[Number(index)] ?? whole);
}

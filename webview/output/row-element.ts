import type { PanelRow } from '../../protocol/panel.ts';
import { el } from '../dom.ts';
import type { TimeFormats } from '../time.ts';
import { ansiSpans, type Span } from './ansi.ts';
import type { Highlight } from './highlights.ts';

/** A row in the page, with what was found in it. The time is there always, and shown when wanted. */
export function rowElement(row: PanelRow, formats: TimeFormats, highlights: readonly Highlight[] = []): HTMLElement {
  const text = el('span', { class: 'row-text' });
  let at = 0;
  let [next, ...others] = highlights;
  let found: HTMLElement | undefined;
  for (const { text: whole, classes } of ansiSpans(row.text)) {
    const end = at + whole.length;
    // a span is cut where a match begins or ends; a match of several spans is one element around them
    for (let from = at; from < end;) {
      const to = Math.min(end, next === undefined ? end : next.from > from ? next.from : next.to);
      const isFound = next !== undefined && from >= next.from;
      if (isFound && !found) text.append((found = el('mark', { 'data-current': next?.isCurrent === true })));
      (found ?? text).append(spanNode({ text: whole.slice(from - at, to - at), classes }));
      if (to === next?.to) {
        [next, ...others] = others;
        found = undefined;
      }
      from = to;
    }
    at = end;
  }
  const time = row.time === null || row.continued ? '' : formats.clock(row.time);
  return el('div', { class: 'row', 'data-continued': row.continued }, el('span', { class: 'row-time' }, time), text);
}

function spanNode({ text, classes }: Span): Node {
  return classes.length === 0 ? document.createTextNode(text) : el('span', { class: classes.join(' ') }, text);
}

/** What is selected of these rows as it was written: a line that takes several rows is one line again. */
export function selectedText(rows: Iterable<HTMLElement>, selection: Selection): string {
  let copied: string | undefined;
  const selected = selection.getRangeAt(0);
  for (const row of rows) {
    const text = row.lastElementChild;
    // a selection that ends between two rows, as that of a whole line does, has nothing of the second one
    if (!text || !selected.intersectsNode(row) || selected.comparePoint(text, 0) > 0) continue;
    const part = document.createRange();
    part.selectNodeContents(text);
    if (selected.compareBoundaryPoints(Range.START_TO_START, part) > 0) {
      part.setStart(selected.startContainer, selected.startOffset);
    }
    if (selected.compareBoundaryPoints(Range.END_TO_END, part) < 0) {
      part.setEnd(selected.endContainer, selected.endOffset);
    }
    const joint = copied === undefined || row.hasAttribute('data-continued') ? '' : '\n';
    copied = (copied ?? '') + joint + part.toString();
  }
  return copied ?? '';
}

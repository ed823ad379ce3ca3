import type { PanelRow } from '../../protocol/panel.ts';
import { el } from '../dom.ts';
import type { TimeFormats } from '../time.ts';
import { ansiSpans } from './ansi.ts';

/** A row in the page. The time is there always, and shown when wanted. */
export function rowElement(row: PanelRow, formats: TimeFormats): HTMLElement {
  const text = el('span', { class: 'row-text' });
  for (const span of ansiSpans(row.text)) {
    text.append(span.classes.length === 0 ? span.text : el('span', { class: span.classes.join(' ') }, span.text));
  }
  const time = row.time === null || row.continued ? '' : formats.clock(row.time);
  return el('div', { class: 'row', 'data-continued': row.continued }, el('span', { class: 'row-time' }, time), text);
}

/** What is selected of these rows as it was written: a line that takes several rows is one line again. */
export function selectedText(rows: Iterable<HTMLElement>, selection: Selection): string {
  let copied: string | undefined;
  const selected = selection.getRangeAt(0);
  for (const row of rows) {
    const text = row.lastElementChild;
    if (!text || !selected.intersectsNode(row)) continue;
    const part = document.createRange();
    part.selectNodeContents(text);
    if (part.comparePoint(selected.startContainer, selected.startOffset) === 0) {
      part.setStart(selected.startContainer, selected.startOffset);
    }
    if (part.comparePoint(selected.endContainer, selected.endOffset) === 0) {
      part.setEnd(selected.endContainer, selected.endOffset);
    }
    const joint = copied === undefined || row.hasAttribute('data-continued') ? '' : '\n';
    copied = (copied ?? '') + joint + part.toString();
  }
  return copied ?? '';
}

import type { Mark } from '../protocol/panel.ts';

const CIRCLE = 'M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5Z';

/** Strokes on a grid of 16. Each mark has a shape of its own, so that it is told apart without its colour. */
const ICONS = {
  ahead: [CIRCLE],
  waiting: [CIRCLE, 'M8 4.6V8l2.3 1.6'],
  running: [CIRCLE, 'M8 1.75a6.25 6.25 0 0 1 6.25 6.25'],
  done: [CIRCLE, 'm5.2 8.2 2 2 3.7-4.2'],
  unchanged: [CIRCLE, 'M5.4 6.7h5.2M5.4 9.3h5.2'],
  failed: [CIRCLE, 'm5.9 5.9 4.2 4.2m0-4.2-4.2 4.2'],
  cancelled: [CIRCLE, 'm3.7 12.3 8.6-8.6'],
  'rolled-back': ['M2.6 2.9v3.6h3.6', 'M2.8 6.4a5.7 5.7 0 1 1-.4 3.2'],
  attention: ['M8 2.1 14.4 13.4H1.6Z', 'M8 6.4v3.4M8 11.4v.3'],
  skipped: ['M4.5 8h7'],
  arrow: ['M2.5 8h10.6M9.4 4.3 13.1 8l-3.7 3.7'],
  chevron: ['m6 3.8 4.2 4.2L6 12.2'],
  previous: ['m3.8 10.2 4.2-4.2 4.2 4.2'],
  next: ['m3.8 5.8 4.2 4.2 4.2-4.2'],
  close: ['m3.9 3.9 8.2 8.2m0-8.2-8.2 8.2'],
  find: ['M6.9 2.4a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9Z', 'm10.2 10.2 3.6 3.6'],
  down: ['M8 2.8v10M3.9 8.9 8 13l4.1-4.1'],
  external: ['M6.4 3H3v10h10V9.6', 'M9.2 2.5h4.3v4.3M13.2 2.8 7.6 8.4'],
  diff: ['M8 2.4v6.2M4.9 5.5h6.2M4.9 12.6h6.2'],
  stop: ['M4 4h8v8H4Z'],
  retry: ['M13.4 2.9v3.6H9.8', 'M13.2 6.4a5.7 5.7 0 1 0 .4 3.2'],
  text: ['M2.5 4h11M2.5 8h11M2.5 12h7'],
} as const satisfies Record<Mark, readonly string[]> & Record<string, readonly string[]>;
export type IconName = keyof typeof ICONS;

const SVG = 'http://www.w3.org/2000/svg';

/** An icon that is decoration: what it means is said in words beside it. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  for (const line of ICONS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', line);
    svg.append(path);
  }
  return svg;
}

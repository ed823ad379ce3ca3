import type { PanelView, PanelViewChange } from '../../protocol/panel.ts';

/** The sections of `view` that differ from those of `shown`; undefined if none does. */
export function changedSections(shown: PanelView, view: PanelView): PanelViewChange | undefined {
  const sections = Object.entries(view).filter(
    ([name, section]) => JSON.stringify(section) !== JSON.stringify(shown[name as keyof PanelView]),
  );
  return sections.length === 0 ? undefined : Object.fromEntries(sections);
}

import type { PanelAction, PanelLabel } from '../../protocol/panel.ts';
import type { PageContext, Section } from '../context.ts';
import { el } from '../dom.ts';
import { icon, type IconName } from '../icons.ts';

const BUTTONS: Readonly<Record<PanelAction, { label: PanelLabel; icon: IconName }>> = {
  cancel: { label: 'cancel', icon: 'stop' },
  retry: { label: 'retry', icon: 'retry' },
  'retry-anyway': { label: 'retryAnyway', icon: 'retry' },
  'open-diff': { label: 'openDiff', icon: 'diff' },
  'use-lock': { label: 'useLock', icon: 'down' },
  'open-output': { label: 'openOutput', icon: 'text' },
  'save-output': { label: 'saveOutput', icon: 'down' },
};

/** The buttons that make sense now. Each is made once: one that stays keeps its focus. */
export function actionsSection({ label, post }: PageContext): Section<readonly PanelAction[]> {
  const element = el('div', { class: 'actions' });
  const buttons = new Map<PanelAction, HTMLElement>();

  function makeButton(action: PanelAction): HTMLElement {
    const image = el('span', { slot: 'start' }, icon(BUTTONS[action].icon));
    const button = el('vscode-button', { 'data-action': action }, image, label(BUTTONS[action].label));
    button.addEventListener('click', () => post({ type: 'action', action }));
    return button;
  }

  return {
    element,
    show(actions) {
      for (const [action, button] of buttons) if (!actions.includes(action)) button.remove();
      let previous: HTMLElement | undefined;
      for (const action of actions) {
        const button = buttons.get(action) ?? makeButton(action);
        buttons.set(action, button);
        button.setAttribute('appearance', action === 'retry' || action === 'retry-anyway' ? 'primary' : 'secondary');
        const place = previous?.nextElementSibling ?? (previous ? null : element.firstElementChild);
        if (place !== button) element.insertBefore(button, place);
        previous = button;
      }
    },
  };
}

/** The colours that VS Code gives to webviews, as far as the run panel uses them. */

export const THEME_NAMES = ['dark', 'light', 'high-contrast', 'high-contrast-light'] as const;
export type ThemeName = (typeof THEME_NAMES)[number];

type Colours = Readonly<Record<string, string>>;

const FONTS: Colours = {
  'font-family': '"Segoe WPC", "Segoe UI", system-ui, "Ubuntu", "Droid Sans", sans-serif',
  'font-size': '13px',
  'font-weight': 'normal',
  'editor-font-family': '"Droid Sans Mono", "DejaVu Sans Mono", monospace',
  'editor-font-size': '13px',
};

const ANSI_DARK =
  '000000 cd3131 0dbc79 e5e510 2472c8 bc3fbc 11a8cd e5e5e5 666666 f14c4c 23d18b f5f543 3b8eea d670d6 29b8db e5e5e5';
const ANSI_LIGHT =
  '000000 cd3131 107c10 949800 0451a5 bc05bc 0598bc 555555 666666 cd3131 14ce14 b5ba00 0451a5 bc05bc 0598bc a5a5a5';
const ANSI_CONTRAST =
  '000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff';

function ansi(colours: string): Colours {
  const names = ['Black', 'Red', 'Green', 'Yellow', 'Blue', 'Magenta', 'Cyan', 'White'];
  const all = [...names, ...names.map(name => `Bright${name}`)];
  return Object.fromEntries(colours.split(' ').map((colour, i) => [`terminal-ansi${all[i] ?? ''}`, `#${colour}`]));
}

const DARK: Colours = {
  ...ansi(ANSI_DARK),
  foreground: '#cccccc',
  descriptionForeground: '#9d9d9d',
  errorForeground: '#f85149',
  'editor-background': '#1f1f1f',
  'editor-foreground': '#cccccc',
  'editor-selectionBackground': '#264f78',
  'editorWarning-foreground': '#cca700',
  'terminal-foreground': '#cccccc',
  'testing-iconPassed': '#73c991',
  'testing-iconFailed': '#f14c4c',
  'progressBar-background': '#0078d4',
  'button-background': '#0078d4',
  'button-foreground': '#ffffff',
  'button-border': '#ffffff12',
  'button-hoverBackground': '#026ec1',
  'button-secondaryBackground': '#313131',
  'button-secondaryForeground': '#cccccc',
  'button-secondaryHoverBackground': '#3c3c3c',
  'settings-checkboxBackground': '#313131',
  'checkbox-background': '#313131',
  'checkbox-border': '#3c3c3c',
  'checkbox-foreground': '#cccccc',
  'badge-background': '#616161',
  'badge-foreground': '#f8f8f8',
  focusBorder: '#0078d4',
  'panel-border': '#2b2b2b',
  'widget-border': '#313131',
  'widget-shadow': '#0000005c',
  'list-hoverBackground': '#2a2d2e',
  'input-background': '#313131',
  'input-border': '#3c3c3c',
  'input-foreground': '#cccccc',
  'input-placeholderForeground': '#989898',
  'terminal-findMatchBackground': '#9e6a03',
  'terminal-findMatchHighlightBackground': '#ea5c0055',
  'textLink-foreground': '#4daafc',
  'textLink-activeForeground': '#4daafc',
  'textCodeBlock-background': '#2b2b2b',
  'sideBarSectionHeader-foreground': '#cccccc',
  'icon-foreground': '#cccccc',
  'scrollbarSlider-background': '#79797966',
};

const LIGHT: Colours = {
  ...ansi(ANSI_LIGHT),
  foreground: '#3b3b3b',
  descriptionForeground: '#3b3b3b',
  errorForeground: '#f85149',
  'editor-background': '#ffffff',
  'editor-foreground': '#3b3b3b',
  'editor-selectionBackground': '#add6ff',
  'editorWarning-foreground': '#bf8803',
  'terminal-foreground': '#3b3b3b',
  'testing-iconPassed': '#73c991',
  'testing-iconFailed': '#f14c4c',
  'progressBar-background': '#005fb8',
  'button-background': '#005fb8',
  'button-foreground': '#ffffff',
  'button-border': '#0000001a',
  'button-hoverBackground': '#0258a8',
  'button-secondaryBackground': '#e5e5e5',
  'button-secondaryForeground': '#3b3b3b',
  'button-secondaryHoverBackground': '#cccccc',
  'checkbox-background': '#f8f8f8',
  'checkbox-border': '#cecece',
  'checkbox-foreground': '#3b3b3b',
  'badge-background': '#cccccc',
  'badge-foreground': '#3b3b3b',
  focusBorder: '#005fb8',
  'panel-border': '#e5e5e5',
  'widget-border': '#e5e5e5',
  'widget-shadow': '#00000029',
  'list-hoverBackground': '#f2f2f2',
  'input-background': '#ffffff',
  'input-border': '#cecece',
  'input-foreground': '#3b3b3b',
  'input-placeholderForeground': '#767676',
  'terminal-findMatchBackground': '#a8ac94',
  'terminal-findMatchHighlightBackground': '#ea5c0055',
  'textLink-foreground': '#005fb8',
  'textLink-activeForeground': '#005fb8',
  'textCodeBlock-background': '#f8f8f8',
  'sideBarSectionHeader-foreground': '#3b3b3b',
  'icon-foreground': '#3b3b3b',
  'scrollbarSlider-background': '#64646466',
};

const HIGH_CONTRAST: Colours = {
  ...ansi(ANSI_CONTRAST),
  foreground: '#ffffff',
  descriptionForeground: '#ffffffb3',
  errorForeground: '#f48771',
  'editor-background': '#000000',
  'editor-foreground': '#ffffff',
  'editor-selectionBackground': '#ffffff',
  'editorWarning-foreground': '#ffd370',
  'terminal-foreground': '#ffffff',
  'testing-iconPassed': '#73c991',
  'testing-iconFailed': '#f14c4c',
  'progressBar-background': '#6fc3df',
  'button-foreground': '#ffffff',
  'button-border': '#6fc3df',
  'button-secondaryForeground': '#ffffff',
  'checkbox-background': '#000000',
  'checkbox-border': '#6fc3df',
  'checkbox-foreground': '#ffffff',
  'badge-background': '#000000',
  'badge-foreground': '#ffffff',
  contrastBorder: '#6fc3df',
  contrastActiveBorder: '#f38518',
  focusBorder: '#f38518',
  'panel-border': '#6fc3df',
  'list-hoverBackground': '#ffffff1a',
  'input-background': '#000000',
  'input-border': '#6fc3df',
  'input-foreground': '#ffffff',
  'terminal-findMatchBorder': '#f38518',
  'terminal-findMatchHighlightBorder': '#f38518',
  'textLink-foreground': '#21a6ff',
  'textLink-activeForeground': '#21a6ff',
  'sideBarSectionHeader-foreground': '#ffffff',
  'icon-foreground': '#ffffff',
  'scrollbarSlider-background': '#6fc3df99',
};

const HIGH_CONTRAST_LIGHT: Colours = {
  ...ansi(ANSI_LIGHT),
  foreground: '#292929',
  descriptionForeground: '#292929b3',
  errorForeground: '#b5200d',
  'editor-background': '#ffffff',
  'editor-foreground': '#292929',
  'editor-selectionBackground': '#0f4a85',
  'editorWarning-foreground': '#895503',
  'terminal-foreground': '#292929',
  'testing-iconPassed': '#007100',
  'testing-iconFailed': '#b5200d',
  'progressBar-background': '#0f4a85',
  'button-background': '#0f4a85',
  'button-foreground': '#ffffff',
  'button-border': '#0f4a85',
  'button-secondaryBackground': '#ffffff',
  'button-secondaryForeground': '#292929',
  'checkbox-background': '#ffffff',
  'checkbox-border': '#0f4a85',
  'checkbox-foreground': '#292929',
  'badge-background': '#0f4a85',
  'badge-foreground': '#ffffff',
  contrastBorder: '#0f4a85',
  contrastActiveBorder: '#006bbd',
  focusBorder: '#006bbd',
  'panel-border': '#0f4a85',
  'list-hoverBackground': '#0f4a851a',
  'input-background': '#ffffff',
  'input-border': '#0f4a85',
  'input-foreground': '#292929',
  'terminal-findMatchBackground': '#0f4a85',
  'terminal-findMatchBorder': '#0f4a85',
  'terminal-findMatchHighlightBorder': '#0f4a85',
  'textLink-foreground': '#0f4a85',
  'textLink-activeForeground': '#0f4a85',
  'textCodeBlock-background': '#f2f2f2',
  'sideBarSectionHeader-foreground': '#292929',
  'icon-foreground': '#292929',
  'scrollbarSlider-background': '#0f4a8566',
};

const THEMES: Readonly<Record<ThemeName, Colours>> = {
  dark: DARK,
  light: LIGHT,
  'high-contrast': HIGH_CONTRAST,
  'high-contrast-light': HIGH_CONTRAST_LIGHT,
};

/** What VS Code does to a page before its own scripts run, as a script. */
export function themeScript(theme: ThemeName): string {
  const variables = { ...FONTS, ...THEMES[theme] };
  const bodyClass = `vscode-${theme === 'high-contrast-light' ? 'high-contrast vscode-high-contrast-light' : theme}`;
  return `
    const paint = () => {
      if (!document.documentElement) return false;
      for (const [name, value] of Object.entries(${JSON.stringify(variables)})) {
        document.documentElement.style.setProperty('--vscode-' + name, value);
      }
      return true;
    };
    if (!paint()) new MutationObserver((_, self) => { if (paint()) self.disconnect(); }).observe(document, { childList: true });
    document.addEventListener('DOMContentLoaded', () => document.body.classList.add(...${JSON.stringify(bodyClass.split(' '))}));
  `;
}

// The colours and fonts that VS Code gives the page, for what is drawn on a canvas. Style sheets need none of this.
/** Not orange: in VS Code's light theme it is too faint on white. */
type Colour = 'blue' | 'green' | 'purple' | 'red' | 'yellow' | 'foreground';

const listeners = new Set<() => void>();

// VS Code changes the body's class and the variables on the root element together.
const observer = new MutationObserver(() => {
  for (const listener of listeners) listener();
});
observer.observe(document.body, { attributeFilter: ['class', 'data-vscode-theme-id'] });
observer.observe(document.documentElement, { attributeFilter: ['style'] });

/** Gives the way to unsubscribe. */
export function themeChanged(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function variable(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function chartColour(name: Colour): string {
  return variable(`--vscode-charts-${name}`) || variable('--vscode-foreground');
}

export function textColour(): string {
  return variable('--vscode-descriptionForeground') || variable('--vscode-foreground');
}

/** Lines behind the figures: there, and hardly seen. */
export function gridColour(): string {
  // The borders of high contrast are meant to be seen.
  if (variable('--vscode-contrastBorder') !== '') return variable('--vscode-charts-lines');
  return variable('--vscode-widget-border') || variable('--vscode-panel-border');
}

export function chartFont(): string {
  return `11px ${variable('--vscode-font-family') || 'sans-serif'}`;
}

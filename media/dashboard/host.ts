// The one door between the page and its host: messages, kept state, and what came with the HTML. Decides nothing.
import type { FromPage, PageData } from '../../protocol/dashboard';

interface Door {
  postMessage(message: FromPage): void;
  getState(): unknown;
  setState(state: unknown): void;
}

/** VS Code defines it in every webview; it may be called once. */
declare function acquireVsCodeApi(): Door;

export const host = acquireVsCodeApi();

export const pageData = JSON.parse(document.getElementById('page-data')?.textContent ?? '') as PageData;

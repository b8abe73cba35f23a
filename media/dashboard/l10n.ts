// `l10n.t` for the page, with the signature and the bundle of `vscode.l10n.t`, so that one tool collects both.
import { pageData } from './host';

export const l10n = {
  /** `message` is English and the key; `{0}`, `{1}` … stand for the arguments. */
  t(message: string, ...args: (string | number)[]): string {
    const text = pageData.bundle[message] ?? message;
    return text.replace(/\{(\d+)\}/g, (whole, index: string) => String(args[Number(index)] ?? whole));
  },
};

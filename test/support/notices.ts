// What VS Code shows to the user in a corner, recorded instead, and the button that the user presses.
import * as vscode from 'vscode';
import { until } from './vscodeEvents';

export interface Notice {
  text: string;
  buttons: string[];
  /** A dialog in the middle of the window. */
  modal: boolean;
}

const KINDS = ['showInformationMessage', 'showWarningMessage', 'showErrorMessage'] as const;

/** From here on until it is disposed of, for everything in this extension host. Unanswered notices are dismissed. */
export class Notices implements vscode.Disposable {
  readonly all: Notice[] = [];
  readonly #original = KINDS.map((kind) => vscode.window[kind]);
  #press: { text: RegExp; button: string } | undefined;

  constructor() {
    for (const kind of KINDS) {
      vscode.window[kind] = (text: string, ...rest: unknown[]) => {
        // Options may come before the buttons.
        const buttons = rest.filter((each): each is string => typeof each === 'string');
        const modal = rest.some((each) => (each as vscode.MessageOptions | undefined)?.modal === true);
        this.all.push({ text, buttons, modal });
        const pressed = this.#press?.text.test(text) === true ? this.#press.button : undefined;
        return Promise.resolve(buttons.find((each) => each === pressed)) as Promise<never>;
      };
    }
  }

  /** The button of the notices whose text matches. */
  press(button: string, text: RegExp): void {
    this.#press = { text, button };
  }

  /** The first notice that matches, once it is there. */
  first(text: RegExp): Promise<Notice> {
    return until(`a notice with ${String(text)}`, () => this.all.find((each) => text.test(each.text)));
  }

  dispose(): void {
    for (const [at, kind] of KINDS.entries()) {
      const original = this.#original[at];
      if (original !== undefined) vscode.window[kind] = original;
    }
  }
}

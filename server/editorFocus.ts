// Which files the user looks at and edits, as far as predictions care: the active one and those edited last.
import type { ProjectIndex } from './index/projectIndex';
import type { EditorFocus } from './sessions/model';

/** Files edited longer ago say nothing about the next step. */
const MAX_EDITED = 8;

export class FocusTracker {
  #focused: string | null = null;
  #edited: string[] = [];

  constructor(private readonly index: Pick<ProjectIndex, 'modulesOfFile'>) {}

  focus(file: string): EditorFocus {
    this.#focused = file;
    return this.current();
  }

  /** undefined where nothing changed but the text, which is not worth a new plan. */
  edit(file: string): EditorFocus | undefined {
    if (this.#edited[0] === file) return undefined;
    this.#edited = [file, ...this.#edited.filter((other) => other !== file)].slice(0, MAX_EDITED);
    return this.current();
  }

  current(): EditorFocus {
    const modules = (file: string): string[] => this.index.modulesOfFile(file).map(({ name }) => name);
    return {
      focused: this.#focused === null ? [] : modules(this.#focused),
      edited: this.#edited.flatMap(modules),
    };
  }
}

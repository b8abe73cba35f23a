// What the lexers of this folder produce. They see single files, without macros: good for colours and for names on a line.

export type TokenKind =
  | 'comment'
  | 'string'
  | 'atom'
  /** `name:` in keyword lists and maps. */
  | 'key'
  | 'number'
  | 'keyword'
  | 'module'
  /** `@name` of a module, or of a template's assigns. */
  | 'attribute'
  /** Name of a function that is called or defined. */
  | 'call'
  /** `.name` without arguments. */
  | 'field'
  | 'variable'
  /** `?NAME` in Erlang. */
  | 'macro';

/** Offsets into the text, end exclusive. */
export interface Token {
  kind: TokenKind;
  start: number;
  end: number;
}

// tree-sitter's Elixir grammar, loaded once a thread. Parses text to trees; knows nothing of what they mean.
import { Language, Parser, type Tree } from 'web-tree-sitter';
import path from 'node:path';

/** Constructs in which nothing is nested that the index asks about. */
const LEAVES = new Set(
  'identifier alias atom integer float char boolean nil keyword quoted_content escape_sequence sigil_name comment'.split(
    ' ',
  ),
);

/** Letters of names that Elixir allows and the grammar does not know; with them, a whole file would make no sense to it. */
const UNKNOWN_LETTER = /[\p{Script=Han}\p{Script=Hangul}]/gu;

export class Grammar {
  private constructor(
    private readonly parser: Parser,
    /** Name of each node type by its number. */
    readonly types: readonly string[],
    /** Whether a node type is a construct rather than a bracket or keyword, by its number. */
    readonly named: readonly boolean[],
    /** Whether a walk need not look inside, by the number of the node type. */
    readonly leaves: readonly boolean[],
  ) {}

  /** `programs`: the folder with `web-tree-sitter.wasm` and `tree-sitter-elixir.wasm`, where the bundles are. */
  static async load(programs: string): Promise<Grammar> {
    await Parser.init({ locateFile: () => path.join(programs, 'web-tree-sitter.wasm') });
    const language = await Language.load(path.join(programs, 'tree-sitter-elixir.wasm'));
    const parser = new Parser();
    parser.setLanguage(language);
    const numbers = Array.from({ length: language.nodeTypeCount }, (_, type) => type);
    const types = numbers.map((type) => language.nodeTypeForId(type) ?? '');
    const named = numbers.map((type) => language.nodeTypeIsNamed(type));
    const leaves = numbers.map((type) => !named[type] || LEAVES.has(types[type] ?? ''));
    return new Grammar(parser, types, named, leaves);
  }

  /**
   * The caller deletes the tree. `old`: the tree before the edit, already told of it by `Tree.edit`. Null for a text that
   * takes longer than `ms`: it is no code that a person wrote.
   */
  parse(text: string, old?: Tree, ms = 2_000): Tree | null {
    const deadline = performance.now() + ms;
    // Other letters of the same length: every offset stays, and names are read from the text itself.
    const known = text.replace(UNKNOWN_LETTER, (letter) => 'x'.repeat(letter.length));
    const tree = this.parser.parse(known, old, { progressCallback: () => performance.now() > deadline });
    // A parser that was stopped would go on where it stood, with the next text.
    if (tree === null) this.parser.reset();
    return tree;
  }

  delete(): void {
    this.parser.delete();
  }
}

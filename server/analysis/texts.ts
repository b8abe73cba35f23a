// The current text of a file: what an editor shows of it, else what is on the disk. Nothing else.
import { readFile } from 'node:fs/promises';
import type { TextDocuments } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { fileOf } from '../fileUri';

/** Undefined when there is no such file. By path, because clients write the same URI in several ways. */
export async function textOf(documents: TextDocuments<TextDocument>, file: string): Promise<string | undefined> {
  const open = documents.all().find(({ uri }) => fileOf(uri) === file);
  if (open !== undefined) return open.getText();
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

// What the server says, in the language of this window. Reads the catalogue that is packed beside the bundle of our own texts.
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { catalogueNames, translator, withTexts, type Catalogue } from '../protocol/translation';

/** Properties of the server's answers that hold sentences for the user; all others are names, paths and figures. */
const SENTENCES = new Set([
  'message',
  'notes',
  'obstacles',
  'reason',
  'reasons',
  'text',
  'title',
  'usage',
  'value',
  'why',
]);

/** Nothing to do where the window is English, or in a language that we do not speak. */
export async function sentences(extensionPath: string): Promise<<T>(message: T) => T> {
  for (const name of catalogueNames(vscode.env.language)) {
    const catalogue = await read(path.join(extensionPath, 'l10n', name));
    if (catalogue === undefined) continue;
    const translate = translator(catalogue);
    return (message) => withTexts(message, SENTENCES, translate);
  }
  return (message) => message;
}

async function read(file: string): Promise<Catalogue | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Catalogue;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

// Which file declares which module, kept up to date file by file. Reads source only; knows nothing of LSP.
import { readdir, readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import type { SourceModule } from '../../protocol/server';
import { modulesOfSource } from './declarations';

/** Glob of the files that can declare a module. */
export const SOURCE_FILES = '**/*.{ex,exs,erl}';
const SOURCE_EXTENSIONS = new Set(['.ex', '.exs', '.erl']);
/** Build products, and dependencies: they are not what the user edits. */
const SKIPPED = new Set(['_build', 'deps', 'node_modules', 'cover', 'doc']);
/** A larger file is data rather than code. */
const MAX_BYTES = 4 * 1024 * 1024;

export class SourceIndex {
  private readonly files = new Map<string, SourceModule[]>();
  private readonly declaredIn = new Map<string, Set<string>>();
  private walking = 0;
  private walked = false;

  /** `warn` hears of what cannot be read; the rest is indexed all the same. */
  constructor(private readonly warn: (message: string) => void) {}

  async addFolders(folders: string[]): Promise<void> {
    this.walking++;
    try {
      for (const folder of folders) await this.walk(folder);
    } finally {
      this.walking--;
      this.walked = true;
    }
  }

  removeFolder(folder: string): void {
    for (const file of [...this.files.keys()]) {
      if (file.startsWith(folder + path.sep)) this.remove(file);
    }
  }

  /** Takes the file's modules from its text. */
  update(file: string, text: string): void {
    if (!SOURCE_EXTENSIONS.has(path.extname(file))) return;
    this.remove(file);
    const modules = modulesOfSource(text, path.extname(file) === '.erl');
    this.files.set(file, modules);
    for (const { name } of modules) {
      const places = this.declaredIn.get(name);
      if (places === undefined) this.declaredIn.set(name, new Set([file]));
      else places.add(file);
    }
  }

  /** Takes the file's modules from the disk; a file that is gone leaves the index. */
  async read(file: string): Promise<void> {
    try {
      const text = await readFile(file);
      if (text.length > MAX_BYTES) this.remove(file);
      else this.update(file, text.toString('utf8'));
    } catch (error) {
      this.remove(file);
      if (!isMissing(error)) this.warn(`${file} cannot be read: ${String(error)}`);
    }
  }

  remove(file: string): void {
    for (const { name } of this.files.get(file) ?? []) {
      const places = this.declaredIn.get(name);
      places?.delete(file);
      if (places?.size === 0) this.declaredIn.delete(name);
    }
    this.files.delete(file);
  }

  modulesOf(file: string): SourceModule[] {
    return this.files.get(file) ?? [];
  }

  filesOf(module: string): { uri: string; line: number }[] {
    return [...(this.declaredIn.get(module) ?? [])].flatMap((file) =>
      this.modulesOf(file)
        .filter(({ name }) => name === module)
        .map(({ line }) => ({ uri: pathToFileURL(file).href, line })),
    );
  }

  size(): { indexed: boolean; files: number; modules: number } {
    return { indexed: this.walked && this.walking === 0, files: this.files.size, modules: this.declaredIn.size };
  }

  private async walk(folder: string): Promise<void> {
    let entries;
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      if (!isMissing(error)) this.warn(`${folder} cannot be read: ${String(error)}`);
      return;
    }
    for (const entry of entries) {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name) && !entry.name.startsWith('.')) await this.walk(full);
      } else if (SOURCE_EXTENSIONS.has(path.extname(entry.name)) && !this.files.has(full)) {
        await this.read(full);
      }
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

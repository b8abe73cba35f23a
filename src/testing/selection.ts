// From what the user chose in the test explorer to arguments of `mix test`, a project at a time. Pure.
import * as path from 'node:path';

/** A chosen item; without `line` the file as a whole, without `file` the project as a whole. */
export interface Chosen {
  project: string;
  file?: string;
  line?: number;
}

export interface ProjectRun {
  project: string;
  /** Arguments behind `mix test`: none for everything, else files, with lines where not the whole file was chosen. */
  args: string[];
}

/** Projects in the order they were first chosen; a whole project or file takes in what was chosen inside it. */
export function runsOf(chosen: readonly Chosen[]): ProjectRun[] {
  const projects = new Map<string, Map<string, Set<number> | 'whole'> | 'whole'>();
  for (const { project, file, line } of chosen) {
    const files = projects.get(project) ?? new Map<string, Set<number> | 'whole'>();
    if (file === undefined || files === 'whole') {
      projects.set(project, 'whole');
      continue;
    }
    projects.set(project, files);
    const lines = files.get(file) ?? new Set<number>();
    if (line === undefined || lines === 'whole') files.set(file, 'whole');
    else files.set(file, lines.add(line));
  }
  return [...projects].map(([project, files]) => ({
    project,
    args: files === 'whole' ? [] : [...files].map(([file, lines]) => argument(project, file, lines)),
  }));
}

/** Mix wants `/` on every system. */
function argument(project: string, file: string, lines: Set<number> | 'whole'): string {
  const inside = path.relative(project, file).split(path.sep).join('/');
  return lines === 'whole' ? inside : [inside, ...[...lines].sort((a, b) => a - b)].join(':');
}

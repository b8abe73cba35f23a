// What a run of the benchmarks shares: how often, on which projects. Must not measure.
import { createProject, type Project } from './project.js';

export class Plan {
  private readonly projects = new Map<number, Promise<Project>>();

  constructor(
    /** Rounds of each measurement. */
    readonly runs: number,
    /** Project sizes of the `start` benchmark. */
    readonly modules: readonly number[],
  ) {}

  /** One project of each size, made when first asked for. */
  project(modules: number): Promise<Project> {
    const known = this.projects.get(modules) ?? createProject(modules);
    this.projects.set(modules, known);
    return known;
  }

  /** The project of the benchmarks that do not vary the size: large enough to be real, compiled. */
  async ordinary(): Promise<Project> {
    const project = await this.project(300);
    await project.compile();
    return project;
  }

  async dispose(): Promise<void> {
    for (const project of this.projects.values()) await (await project).remove();
  }
}

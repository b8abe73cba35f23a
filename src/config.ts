// Typed readers of the settings; the only caller of getConfiguration. A bad value keeps the last good one, said once.
import * as vscode from 'vscode';
import { parseDuration, parseSize } from '../protocol/units';
import { SETTINGS_SECTION, STRATEGIES } from './contributions';

/** `coordination` of a launch configuration, as protocol/adapter.ts takes it. */
export interface CoordinationSettings {
  enabled: boolean;
  strategy: (typeof STRATEGIES)[number];
  performanceMonitoring: boolean;
  /** Bytes. */
  memoryThreshold: number;
  /** Milliseconds. */
  fallbackTimeout: number;
}

const FACTORY: CoordinationSettings = {
  enabled: true,
  strategy: 'demand-driven',
  performanceMonitoring: true,
  memoryThreshold: 100 * 1024 * 1024,
  fallbackTimeout: 2000,
};

/** Setting → its value as the adapter takes it; undefined when it is none. */
const READERS: { [Key in keyof CoordinationSettings]: (raw: unknown) => CoordinationSettings[Key] | undefined } = {
  enabled: (raw) => (typeof raw === 'boolean' ? raw : undefined),
  strategy: (raw) => STRATEGIES.find((strategy) => strategy === raw),
  performanceMonitoring: (raw) => (typeof raw === 'boolean' ? raw : undefined),
  memoryThreshold: (raw) => (typeof raw === 'string' ? parseSize(raw) : undefined),
  fallbackTimeout: (raw) => (typeof raw === 'string' ? parseDuration(raw) : undefined),
};

export class Config {
  private readonly lastGood = new Map<string, unknown>();
  private readonly told = new Set<string>();

  /** `complain` shows the user a value that cannot be used. */
  constructor(private readonly complain: (message: string) => void) {}

  coordination(scope?: vscode.ConfigurationScope): CoordinationSettings {
    const section = vscode.workspace.getConfiguration(SETTINGS_SECTION, scope);
    return {
      enabled: this.read(section, 'enabled'),
      strategy: this.read(section, 'strategy'),
      performanceMonitoring: this.read(section, 'performanceMonitoring'),
      memoryThreshold: this.read(section, 'memoryThreshold'),
      fallbackTimeout: this.read(section, 'fallbackTimeout'),
    };
  }

  /** Whether the Testing view shows our tree. A value that is none counts as the default. */
  testExplorer(): 'auto' | 'on' | 'off' {
    const given = vscode.workspace.getConfiguration(SETTINGS_SECTION).get<unknown>('testExplorer');
    return given === 'on' || given === 'off' ? given : 'auto';
  }

  private read<Key extends keyof CoordinationSettings>(
    section: vscode.WorkspaceConfiguration,
    key: Key,
  ): CoordinationSettings[Key] {
    const raw = section.get<unknown>(key) ?? FACTORY[key];
    const value = raw === FACTORY[key] ? FACTORY[key] : READERS[key](raw);
    if (value !== undefined) {
      this.lastGood.set(key, value);
      return value;
    }
    const kept = (this.lastGood.get(key) ?? FACTORY[key]) as CoordinationSettings[Key];
    const shown = JSON.stringify(raw);
    if (!this.told.has(`${key}=${shown}`)) {
      this.told.add(`${key}=${shown}`);
      this.complain(
        vscode.l10n.t(
          'The setting {0} cannot be {1}; {2} stays in force.',
          `${SETTINGS_SECTION}.${key}`,
          shown,
          String(kept),
        ),
      );
    }
    return kept;
  }
}

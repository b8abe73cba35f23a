// Typed readers of the settings; the only caller of getConfiguration. A bad value keeps the last good one, said once.
import * as vscode from 'vscode';
import { DEFAULT_SETTINGS, type ServerSettings } from '../protocol/settings';
import { parseDuration, parseSize } from '../protocol/units';
import { SCOPES, SETTINGS_SECTION, STRATEGIES } from './contributions';

/** `coordination` of a launch configuration, as protocol/adapter.ts takes it. */
export type CoordinationSettings = Pick<
  ServerSettings,
  'enabled' | 'strategy' | 'scope' | 'performanceMonitoring' | 'memoryThreshold' | 'fallbackTimeout'
>;

/** Less holds no usage worth the name, in bytes. */
const LEAST_HISTORY = 64 * 1024;

/** Setting → its value as adapter and server take it; undefined when it is none. */
const READERS: { [Key in keyof ServerSettings]: (raw: unknown) => ServerSettings[Key] | undefined } = {
  enabled: (raw) => (typeof raw === 'boolean' ? raw : undefined),
  strategy: (raw) => STRATEGIES.find((strategy) => strategy === raw),
  scope: (raw) => SCOPES.find((scope) => scope === raw),
  performanceMonitoring: (raw) => (typeof raw === 'boolean' ? raw : undefined),
  memoryThreshold: (raw) => (typeof raw === 'string' ? parseSize(raw) : undefined),
  fallbackTimeout: (raw) => (typeof raw === 'string' ? parseDuration(raw) : undefined),
  codeLenses: (raw) => (typeof raw === 'boolean' ? raw : undefined),
  historyDays: (raw) => (typeof raw === 'number' && Number.isInteger(raw) && raw > 0 ? raw : undefined),
  historySize: (raw) => atLeast(LEAST_HISTORY, typeof raw === 'string' ? parseSize(raw) : undefined),
};

export class Config {
  /** Setting → what it was read as, and how the user wrote it. */
  private readonly lastGood = new Map<string, { value: unknown; written: unknown }>();
  private readonly told = new Set<string>();

  /** `complain` shows the user a value that cannot be used. */
  constructor(private readonly complain: (message: string) => void) {}

  coordination(scope?: vscode.ConfigurationScope): CoordinationSettings {
    const section = vscode.workspace.getConfiguration(SETTINGS_SECTION, scope);
    return {
      enabled: this.read(section, 'enabled'),
      strategy: this.read(section, 'strategy'),
      scope: this.read(section, 'scope'),
      performanceMonitoring: this.read(section, 'performanceMonitoring'),
      memoryThreshold: this.read(section, 'memoryThreshold'),
      fallbackTimeout: this.read(section, 'fallbackTimeout'),
    };
  }

  /** What the server acts on; one server serves the whole window. */
  server(): ServerSettings {
    const section = vscode.workspace.getConfiguration(SETTINGS_SECTION);
    return {
      ...this.coordination(),
      codeLenses: this.read(section, 'codeLenses'),
      historyDays: this.read(section, 'historyDays'),
      historySize: this.read(section, 'historySize'),
    };
  }

  /** Whether the Testing view shows our tree. A value that is none counts as the default. */
  testExplorer(): 'auto' | 'on' | 'off' {
    const given = vscode.workspace.getConfiguration(SETTINGS_SECTION).get<unknown>('testExplorer');
    return given === 'on' || given === 'off' ? given : 'auto';
  }

  /** Text beside code while a session runs. A value that is none counts as the default. */
  decorations(): boolean {
    return vscode.workspace.getConfiguration(SETTINGS_SECTION).get<unknown>('decorations') === true;
  }

  private read<Key extends keyof ServerSettings>(
    section: vscode.WorkspaceConfiguration,
    key: Key,
  ): ServerSettings[Key] {
    const written = section.inspect<unknown>(key)?.defaultValue;
    const raw = section.get<unknown>(key) ?? DEFAULT_SETTINGS[key];
    const value = raw === DEFAULT_SETTINGS[key] ? DEFAULT_SETTINGS[key] : READERS[key](raw);
    if (value !== undefined) {
      this.lastGood.set(key, { value, written: raw });
      return value;
    }
    const kept = this.lastGood.get(key) ?? { value: DEFAULT_SETTINGS[key], written };
    const shown = JSON.stringify(raw);
    if (!this.told.has(`${key}=${shown}`)) {
      this.told.add(`${key}=${shown}`);
      this.complain(
        vscode.l10n.t(
          'The setting {0} cannot be {1}; {2} stays in force.',
          `${SETTINGS_SECTION}.${key}`,
          shown,
          JSON.stringify(kept.written ?? kept.value),
        ),
      );
    }
    return kept.value as ServerSettings[Key];
  }
}

function atLeast(least: number, value: number | undefined): number | undefined {
  return value !== undefined && value >= least ? value : undefined;
}

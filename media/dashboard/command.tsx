// A button for one of the extension's commands, by the title that it has in the palette. Runs nothing itself.
import { useView } from './context';
import { pageData } from './host';

export const RESTART = 'elixirCoordinatedDebugger.restartServer';
export const SHOW_LOG = 'elixirCoordinatedDebugger.showLog';

export function Run({ command, secondary = false }: { command: string; secondary?: boolean }) {
  const { send } = useView();
  const title = pageData.commands[command];
  // A server of another version may name a command that this extension has not.
  return title === undefined ? null : (
    <button type="button" class={secondary ? 'secondary' : ''} onClick={() => send({ kind: 'run', command })}>
      {title}
    </button>
  );
}

// What the adapter answered when a session could not start, as a notice with the button that helps: VS Code itself would put
// it into a dialog. Reads messages, shows nothing.
import * as v from 'valibot';
import * as vscode from 'vscode';
import { ERROR_ID } from '../../protocol/failure';
import { COMMANDS } from '../contributions';
import { runs, Trouble, type NextStep } from '../notify';

const FailedStart = v.object({
  type: v.literal('response'),
  command: v.picklist(['launch', 'attach']),
  success: v.literal(false),
  body: v.object({
    error: v.object({
      // What is part of normal life, such as a launch that the user cancelled, is not told.
      id: v.picklist([ERROR_ID.user, ERROR_ID.bug]),
      format: v.string(),
      variables: v.optional(v.object({ hint: v.optional(v.string(), '') }), {}),
    }),
  }),
});

export function failedStart(message: unknown): Trouble | undefined {
  const parsed = v.safeParse(FailedStart, message);
  if (!parsed.success) return undefined;
  const { format, variables } = parsed.output.body.error;
  return new Trouble(format, nextStep(variables.hint));
}

/** `hint`: the adapter's advice, in English whatever the window speaks. */
function nextStep(hint: string): NextStep {
  if (hint.startsWith('Install ')) return runs(vscode.l10n.t('Check Environment'), COMMANDS.checkEnvironment);
  // It names an argument, or the file itself.
  if (/"\w+"|launch\.json/.test(hint)) {
    return runs(vscode.l10n.t('Open launch.json'), 'workbench.action.debug.configure');
  }
  return runs(vscode.l10n.t('Show Log'), COMMANDS.showLog);
}

// What every part of the page can reach: the view the user has chosen, and the way to the host. No figures.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { FromPage } from '../../protocol/dashboard';
import type { View } from './view';

export interface ViewAccess {
  view: View;
  /** From the view as it is by then: several changes may come before the next drawing. */
  change: (part: (view: View) => Partial<View>) => void;
  send: (message: FromPage) => void;
}

export const ViewContext = createContext<ViewAccess | null>(null);

export function useView(): ViewAccess {
  const access = useContext(ViewContext);
  if (access === null) throw new Error('A part of the page stands outside of it.');
  return access;
}

// Entry of the dashboard page: takes the host's messages, keeps what the user chose, renders. Decides nothing.
import { render } from 'preact';
import type { FromPage, ToPage } from '../../protocol/dashboard';
import { App } from './app';
import { ViewContext } from './context';
import { host } from './host';
import { INITIAL, reduce, type Model } from './state';
import { restored, type View } from './view';
import 'uplot/dist/uPlot.min.css';
import './dashboard.css';

/** ms that a sentence about the user's wish stays. */
const SAID_FOR = 8_000;

const root = document.getElementById('root') as HTMLElement;
let model: Model = INITIAL;
let view: View = restored(host.getState());
let drawing = false;
let forgetting = 0;

const send = (message: FromPage): void => host.postMessage(message);

function change(part: (view: View) => Partial<View>): void {
  view = { ...view, ...part(view) };
  host.setState(view);
  draw();
}

/** Many messages may come before the next frame; they make one drawing. */
function draw(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    render(
      <ViewContext.Provider value={{ view, change, send }}>
        <App model={model} />
      </ViewContext.Provider>,
      root,
    );
  });
}

addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  const before = model;
  model = reduce(model, data);
  if (model.stale && !before.stale) send({ kind: 'ready' });
  if (model.said !== before.said) {
    clearTimeout(forgetting);
    forgetting = setTimeout(() => {
      model = { ...model, said: null };
      draw();
    }, SAID_FOR);
  }
  draw();
});
addEventListener('scroll', () => {
  view = { ...view, scroll: scrollY };
  host.setState(view);
});

draw();
send({ kind: 'ready' });

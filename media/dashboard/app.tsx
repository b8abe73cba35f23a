// The page: its head, alerts, tabs, and the states in which there are no figures.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { EXPORTS, type Export } from '../../protocol/dashboard';
import type { Alert, MetricsSnapshot } from '../../protocol/metrics';
import { useView } from './context';
import { RESTART, Run, SHOW_LOG } from './command';
import { Dependencies } from './dependencies';
import { time } from './format';
import { Health } from './health';
import { Modules } from './modules';
import { Overview } from './overview';
import { Sessions } from './sessions';
import type { Model } from './state';
import { text } from './strings';
import { TABS, type Tab } from './view';

export function App({ model }: { model: Model }) {
  const { snapshot, connection, said } = model;
  return (
    <>
      <a class="skip" href="#figures">
        {text.skip}
      </a>
      <Head model={model} />
      <main id="figures" tabIndex={-1}>
        {connection === 'down' && <Down model={model} />}
        {snapshot !== null ? <Figures snapshot={snapshot} model={model} /> : connection === 'loading' && <Loading />}
      </main>
      {/* One place that speaks, and only of what the user asked for or must know. */}
      <div class={said === null ? 'said unseen' : said.failed ? 'said failed' : 'said'} role="status">
        {said !== null && <p key={said.number}>{said.text}</p>}
      </div>
    </>
  );
}

function Head({ model: { connection, snapshot } }: { model: Model }) {
  const { send } = useView();
  const menu = useRef<HTMLDetailsElement>(null);
  const state = { live: text.connected, loading: text.connecting, down: text.disconnected }[connection];
  const closed = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || menu.current?.open !== true) return;
    menu.current.open = false;
    menu.current.querySelector('summary')?.focus();
  };
  const chosen = (what: Export): void => {
    send({ kind: 'export', what });
    if (menu.current === null) return;
    menu.current.open = false;
    menu.current.querySelector('summary')?.focus();
  };
  const left = (event: FocusEvent): void => {
    if (menu.current !== null && !menu.current.contains(event.relatedTarget as Node | null)) menu.current.open = false;
  };
  return (
    <header>
      <h1>{text.title}</h1>
      <p class="quiet">
        <i class={`dot ${connection}`} /> {state}
        {snapshot !== null && <> · {text.updatedAt(time(snapshot.at))}</>}
      </p>
      {snapshot !== null && (
        <details class="menu" ref={menu} onKeyDown={closed} onFocusOut={left}>
          <summary class="button secondary">{text.exportTitle}</summary>
          <ul>
            {EXPORTS.map((what) => (
              <li key={what}>
                <button type="button" onClick={() => chosen(what)}>
                  {text.exports[what]}
                </button>
              </li>
            ))}
          </ul>
        </details>
      )}
    </header>
  );
}

function Loading() {
  return (
    <div class="blank">
      <progress aria-label={text.loading} />
      <p>{text.loading}</p>
    </div>
  );
}

function Down({ model: { why, snapshot } }: { model: Model }) {
  return (
    <section class="notice" aria-labelledby="down-title">
      <h2 id="down-title">{text.downTitle}</h2>
      <p>
        {why} {text.downText} {snapshot !== null && text.downSince(time(snapshot.at))}
      </p>
      <div class="buttons">
        <Run command={RESTART} />
        <Run command={SHOW_LOG} secondary />
      </div>
    </section>
  );
}

function Figures({ snapshot, model }: { snapshot: MetricsSnapshot; model: Model }) {
  const { view } = useView();
  const nothingYet = snapshot.sessions.length === 0 && snapshot.history.length === 0 && snapshot.timeline.length === 0;
  return (
    <>
      {snapshot.alerts.length > 0 && <Alerts alerts={snapshot.alerts} />}
      {nothingYet && (
        <div class="blank">
          <h2>{text.emptyTitle}</h2>
          <p>{text.emptyText}</p>
        </div>
      )}
      <Tabs />
      <div role="tabpanel" id={`panel-${view.tab}`} aria-labelledby={`tab-${view.tab}`}>
        {view.tab === 'overview' && <Overview snapshot={snapshot} />}
        {view.tab === 'modules' && <Modules modules={snapshot.modules} explanation={model.explanation} />}
        {view.tab === 'dependencies' && <Dependencies snapshot={snapshot} answer={model.neighbourhood} />}
        {view.tab === 'sessions' && <Sessions snapshot={snapshot} />}
        {view.tab === 'health' && <Health health={snapshot.health} />}
      </div>
    </>
  );
}

function Alerts({ alerts }: { alerts: Alert[] }) {
  return (
    <section aria-labelledby="alerts-title">
      <h2 id="alerts-title" class="unseen">
        {text.alerts}
      </h2>
      <ul class="alerts">
        {alerts.map(({ id, severity, text: what, hint, command, at }) => (
          <li key={id} class={severity}>
            <div>
              <p>
                <strong>{text.severities[severity]}:</strong> {what} <span class="quiet">{time(at)}</span>
              </p>
              {hint !== null && <p class="quiet">{hint}</p>}
            </div>
            {command !== null && <Run command={command} secondary />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tabs() {
  const { view, change } = useView();
  const list = useRef<HTMLDivElement>(null);
  const show = (tab: Tab): void => {
    if (tab !== view.tab) change(() => ({ tab, scroll: 0 }));
  };
  const pressed = (event: KeyboardEvent): void => {
    const at = TABS.indexOf(view.tab);
    const targets: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 };
    const to = targets[event.key];
    const tab = to === undefined ? undefined : TABS[(to + TABS.length) % TABS.length];
    if (tab === undefined) return;
    event.preventDefault();
    show(tab);
    list.current?.querySelector<HTMLElement>(`#tab-${tab}`)?.focus();
  };
  // Where the user had scrolled to, when the page comes back; the top, when another tab is chosen.
  useLayoutEffect(() => scrollTo(0, view.scroll), [view.tab]);
  return (
    <div class="tabs" role="tablist" aria-label={text.views} ref={list} onKeyDown={pressed}>
      {TABS.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`tab-${tab}`}
          aria-selected={tab === view.tab}
          aria-controls={tab === view.tab ? `panel-${tab}` : undefined}
          tabIndex={tab === view.tab ? 0 : -1}
          onClick={() => show(tab)}
        >
          {text.tabs[tab]}
        </button>
      ))}
    </div>
  );
}
